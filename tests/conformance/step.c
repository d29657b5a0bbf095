/* The step of the conformance cases: a pod's only program, or a child of the local engine.
 *
 *     step CODES TEXT WORD...
 *
 * It prints these words, takes STEP_SECONDS, leaves TEXT as its output `said` and its
 * attempt as its output `attempt`, unless it is STEP_SILENT, and ends as CODES say: 75,k9,0 is code
 * 75 in the first attempt, signal 9 in the second, and code 0 from then on. STEP_ATTEMPT counts
 * from 0. In TEXT, ^ stands for { and ~ for $, so that it can be what no parameter may be.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/argv.h"

static void leave(const char *folder, const char *name, const char *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    for (; file && *text; text++) putc(*text == '^' ? '{' : *text == '~' ? '$' : *text, file);
    if (!file || fclose(file)) {
        perror(path);
        exit(99);
    }
}

int main(int count, char **words) {
    const char *folder = getenv("PERENNIAL_OUTPUTS"), *seconds = getenv("STEP_SECONDS");
    const char *given = getenv("STEP_ATTEMPT"), *attempt = given ? given : "0", *next;
    const char *code = count > 1 ? words[1] : "0", *text = count > 2 ? words[2] : "";
    print_argv(count, words);
    if (seconds) usleep((useconds_t)(atof(seconds) * 1e6));
    if (!getenv("STEP_SILENT")) {
        mkdir(folder, 0777);
        leave(folder, "said", text);
        leave(folder, "attempt", attempt);
    }
    for (int left = atoi(attempt); left && (next = strchr(code, ',')); left--) code = next + 1;
    if (*code == 'k') raise(atoi(code + 1));
    return atoi(code);
}
