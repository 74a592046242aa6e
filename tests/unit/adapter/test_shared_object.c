#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "core/adapter/shared_object.h"

static struct adapter_error error;

static void refused(const char *file, const char *says) {
    struct shared_object *object = NULL;
    char path[512];

    (void)snprintf(path, sizeof(path), OBJECT_DIR "/%s", file);
    error.text[0] = '\0';
    cr_assert_eq(shared_object_open(path, &object, &error), -EINVAL, "%s", file);
    cr_expect_null(object);
    cr_expect_not_null(strstr(error.text, says), "%s", error.text);
    cr_expect_not_null(strstr(error.text, strrchr(path, '/')), "%s", error.text);
    cr_expect_null(strchr(error.text, '\n'), "%s", error.text);
}

Test(shared_object, opens_a_sound_one_twice) {
    struct shared_object *one, *two;

    cr_assert_eq(shared_object_open(OBJECT_DIR "/object_sound.so", &one, &error), 0, "%s",
                 error.text);
    cr_assert_eq(shared_object_open(OBJECT_DIR "/../adapter/object_sound.so", &two, &error), 0);
    cr_expect_str_eq(shared_object_adapter(one)->name, "object");
    cr_expect_eq(shared_object_adapter(one), shared_object_adapter(two));
    cr_expect_str_eq(shared_object_path(one), shared_object_path(two));
    shared_object_close(one);
    cr_expect_str_eq(shared_object_adapter(two)->title, "A shared object");
    shared_object_close(two);
    shared_object_close(NULL);
}

Test(shared_object, refuses_what_is_none) {
    refused("there_is_no_such.so", "No such file");
    refused("../../../build.ninja", "invalid ELF header");
    refused("../adapter", "directory");
}

Test(shared_object, refuses_another_abi) {
    refused("object_major.so", "ABI");
    refused("object_minor.so", "ABI");
}

Test(shared_object, refuses_one_without_the_symbol) {
    refused("object_hidden.so", DM_ADAPTER_SYMBOL);
}

Test(shared_object, refuses_a_symbol_that_is_no_descriptor) {
    refused("object_function.so", "no object");
    refused("object_short.so", "16 bytes");
}

Test(shared_object, refuses_one_that_needs_the_gateways_functions) {
    refused("object_undefined.so", "gateway_start");
}
