/* A step that does nothing: in the place of every job's image, at /bin/python.
 *
 * It writes each output of its job (a word that differs by job), and makes no artifact. With
 * HOLLOW_SECONDS it takes so long; with HOLLOW_EXIT it ends with that code. Its log is the words that
 * it was started with, as JSON.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/argv.h"

static const char *const NAMES[] = {"digest", "tokenizer-digest", "decision", "release"};

int main(int count, char **words) {
    const char *folder = getenv("PERENNIAL_OUTPUTS"), *seconds = getenv("HOLLOW_SECONDS");
    const char *code = getenv("HOLLOW_EXIT"), *job = count > 2 ? words[2] : "none";
    char path[4096];
    print_argv(count, words);
    if (folder) mkdir(folder, 0777);
    if (seconds) usleep((useconds_t)(atof(seconds) * 1e6));
    for (size_t number = 0; folder && number < sizeof NAMES / sizeof *NAMES; number++) {
        snprintf(path, sizeof path, "%s/%s", folder, NAMES[number]);
        FILE *file = fopen(path, "w");
        if (!file) return perror(path), 75;
        fprintf(file, "hollow-%s", strrchr(job, '.') ? strrchr(job, '.') + 1 : job);
        if (fclose(file)) return perror(path), 75;
    }
    return code ? atoi(code) : 0;
}
