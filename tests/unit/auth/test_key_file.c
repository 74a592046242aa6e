/* The key of our own issuer on disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/auth/support.h"

static char folder[256], path[300], error[AUTH_ERROR_SIZE];
static uint8_t key[AUTH_KEY_LEN];

static void setup(void) {
    snprintf(folder, sizeof(folder), "%s", temp_folder());
    snprintf(path, sizeof(path), "%s/token.key", folder);
    error[0] = '\0';
}

static void teardown(void) {
    remove_folder(folder);
}

TestSuite(auth_key_file, .init = setup, .fini = teardown);

static unsigned entries(void) {
    unsigned count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static unsigned mode_of(void) {
    struct stat st;
    check_true(stat(path, &st) == 0);
    return st.st_mode & 07777u;
}

Test(auth_key_file, made_once_and_kept) {
    uint8_t later[AUTH_KEY_LEN];
    static const uint8_t zero[AUTH_KEY_LEN];
    cr_assert(eq(int, auth_key_load(path, key, error), 0), "%s", error);
    check_true(memcmp(key, zero, sizeof(key)) != 0);
    cr_assert(eq(u32, mode_of(), 0600));
    cr_assert(eq(u32, entries(), 1));
    cr_assert(eq(int, auth_key_load(path, later, error), 0));
    check_true(memcmp(key, later, sizeof(key)) == 0);
    check_true(unlink(path) == 0);
    cr_assert(eq(int, auth_key_load(path, later, error), 0));
    check_true(memcmp(key, later, sizeof(key)) != 0);
}

Test(auth_key_file, whatever_the_umask) {
    static const mode_t masks[] = { 0, 022, 077, 0777 };
    for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
        mode_t before = umask(masks[i]);
        int r = auth_key_load(path, key, error);
        umask(before);
        cr_assert(eq(int, r, 0), "%s", error);
        cr_assert(eq(u32, mode_of(), 0600));
        unlink(path);
    }
}

Test(auth_key_file, refused_when_open_to_others) {
    static const mode_t bad[] = { 0644, 0640, 0604, 0620, 0602, 0610, 0601, 0666, 0777 };
    static const mode_t good[] = { 0600, 0400, 0700 };
    cr_assert(eq(int, auth_key_load(path, key, error), 0));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        chmod(path, bad[i]);
        cr_assert(eq(int, auth_key_load(path, key, error), -EACCES), "%o", bad[i]);
        check_true(strstr(error, "open to others") && strstr(error, path));
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        chmod(path, good[i]);
        cr_assert(eq(int, auth_key_load(path, key, error), 0), "%o", good[i]);
    }
}

Test(auth_key_file, refused_when_it_is_no_key) {
    static const char bytes[AUTH_KEY_LEN + 1] = "0123456789abcdef0123456789ABCDEF";
    static const size_t sizes[] = { 0, 1, AUTH_KEY_LEN - 1, AUTH_KEY_LEN + 1 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        write_file(path, (struct dm_slice){ bytes, sizes[i] });
        cr_assert(eq(int, auth_key_load(path, key, error), -EINVAL));
        check_true(strstr(error, "32 bytes"));
    }
    write_file(path, (struct dm_slice){ bytes, AUTH_KEY_LEN });
    cr_assert(eq(int, auth_key_load(path, key, error), 0));
    check_true(memcmp(key, bytes, AUTH_KEY_LEN) == 0);
    unlink(path);
    check_true(mkdir(path, 0700) == 0);
    cr_assert(eq(int, auth_key_load(path, key, error), -EINVAL));
    rmdir(path);
    check_true(mkfifo(path, 0600) == 0);
    cr_assert(eq(int, auth_key_load(path, key, error), -EINVAL));
}

Test(auth_key_file, errors_name_the_file) {
    char below[400];
    snprintf(below, sizeof(below), "%s/none/token.key", folder);
    cr_assert(eq(int, auth_key_load(below, key, error), -ENOENT));
    check_true(strstr(error, below));
    check_true(symlink("nowhere/at/all", path) == 0);
    check_true(auth_key_load(path, key, error) < 0);
    check_true(strstr(error, path));
}

#define RACERS 16

static void race(int start, int results) {
    char go;
    if (read(start, &go, 1) != 0 || auth_key_load(path, key, error) < 0
        || write(results, key, sizeof(key)) != sizeof(key))
        _exit(1);
    _exit(0);
}

/* One round: the start pipe closes, and all go at once. */
static void run_race(void) {
    int start[2], results[2];
    uint8_t all[RACERS][AUTH_KEY_LEN];
    check_true(pipe(start) == 0 && pipe(results) == 0);
    for (int i = 0; i < RACERS; i++) {
        pid_t pid = fork();
        check_true(pid >= 0);
        if (pid == 0) {
            close(start[1]);
            race(start[0], results[1]);
        }
    }
    close(start[1]);
    for (int i = 0; i < RACERS; i++) {
        int status;
        check_true(wait(&status) > 0);
        cr_assert(eq(int, status, 0));
    }
    check_true(read(results[0], all, sizeof(all)) == sizeof(all));
    for (int i = 1; i < RACERS; i++)
        check_true(memcmp(all[0], all[i], AUTH_KEY_LEN) == 0);
    close(start[0]);
    close(results[0]);
    close(results[1]);
}

Test(auth_key_file, racing_processes_agree) {
    for (int round = 0; round < 5; round++) {
        run_race();
        cr_assert(eq(u32, entries(), 1));
        cr_assert(eq(u32, mode_of(), 0600));
        unlink(path);
    }
}
