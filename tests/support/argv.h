/* Prints the words after a program's own name, as it was given them, as one line of JSON. */
#include <stdio.h>

static void print_argv(int count, char **words) {
    putchar('[');
    for (int number = 1; number < count; number++) {
        fputs(number > 1 ? ", \"" : "\"", stdout);
        for (const unsigned char *byte = (unsigned char *)words[number]; *byte; byte++) {
            if (*byte < 0x20 || *byte == '"' || *byte == '\\')
                printf("\\u%04x", *byte);
            else
                putchar(*byte);
        }
        putchar('"');
    }
    puts("]");
    fflush(stdout);
}
