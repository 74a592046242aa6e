#include "core/capture/secrets.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum place {
    WITHIN,    /* a word of the key has it anywhere: "passwordhash" */
    ENDS,      /* a word ends with it: "accesstoken", but not "tokenizer" */
    WORD,      /* it is a word: "user_pass", but not "passenger" */
    LAST_WORD, /* and nothing comes after that: "user_pin", but not "pin_message" */
};

/* proto-docs/conformance.md lists them. Two words of a key that make up one of these together are
 * that one: "api_key", "passWord". */
static const struct {
    const char *text;
    enum place place;
} secret_words[] = {
    { "password", WITHIN },    { "passwd", WITHIN },    { "passphrase", ENDS },
    { "passcode", ENDS },      { "pwd", ENDS },         { "psw", ENDS },
    { "pincode", ENDS },       { "secret", ENDS },      { "token", ENDS },
    { "jwt", ENDS },           { "bearer", ENDS },      { "credential", ENDS },
    { "apikey", ENDS },        { "accesskey", ENDS },   { "privatekey", ENDS },
    { "pass", WORD },          { "otp", WORD },         { "totp", WORD },
    { "pin", LAST_WORD },      { "ticket", LAST_WORD }, { "cookie", LAST_WORD },
    { "authorization", LAST_WORD },
};

/* After a secret's word these leave the key one that holds it. */
static const char *const attributes[] = {
    "code", "value", "new", "old", "again", "repeat", "confirm", "confirmation", "hash", NULL,
};

/* At the end of a key these say that it holds no secret. */
static const char *const descriptions[] = { "type", "kind", "class", "name", "status", NULL };

static int is_word(struct dm_slice word, const char *text) {
    return strlen(text) == word.len && strncasecmp(text, word.ptr, word.len) == 0;
}

static int is_one_of(struct dm_slice word, const char *const *list) {
    for (; *list; list++)
        if (is_word(word, *list))
            return 1;
    return 0;
}

/* Whether the two make up the text. */
static int are_together(struct dm_slice first, struct dm_slice second, const char *text) {
    return first.len && strlen(text) == first.len + second.len &&
           strncasecmp(text, first.ptr, first.len) == 0 &&
           strncasecmp(text + first.len, second.ptr, second.len) == 0;
}

static int has(struct dm_slice word, const char *text, enum place place) {
    size_t len = strlen(text);
    if (word.len < len)
        return 0;
    if (place == ENDS)
        return strncasecmp(word.ptr + word.len - len, text, len) == 0;
    for (size_t at = 0; place == WITHIN && at + len <= word.len; at++)
        if (strncasecmp(word.ptr + at, text, len) == 0)
            return 1;
    return is_word(word, text);
}

/* A run of letters or of digits; capitals begin a new one: "oldPIN2" is "old", "PIN", "2", and
 * "PINCode" is "PIN", "Code". */
static struct dm_slice next_word(struct dm_slice *rest) {
    const char *at = rest->ptr, *end = rest->ptr + rest->len;
    while (at < end && !isalnum((unsigned char)*at))
        at++;
    struct dm_slice word = { at, 0 };
    for (; at < end && isalnum((unsigned char)*at); at++, word.len++) {
        if (word.len == 0)
            continue;
        int is_upper = isupper((unsigned char)at[0]);
        int begins = is_upper && (islower((unsigned char)at[-1]) ||
                                  (at + 1 < end && islower((unsigned char)at[1])));
        if (begins || !isdigit((unsigned char)at[0]) != !isdigit((unsigned char)at[-1]))
            break;
    }
    rest->len = (size_t)(end - at);
    rest->ptr = at;
    return word;
}

/* What the word makes the key; several of a thing may be a number of them: "tokens". */
static enum secrecy secrecy_of_word(struct dm_slice previous, struct dm_slice word,
                                    int *ret_must_be_last) {
    struct dm_slice single = word;
    single.len -= word.len > 1 && tolower((unsigned char)word.ptr[word.len - 1]) == 's';
    for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++) {
        const char *text = secret_words[i].text;
        enum place place = secret_words[i].place;
        *ret_must_be_last = place == LAST_WORD;
        if (has(word, text, place) || are_together(previous, word, text))
            return SECRECY_FULL;
        if (place != LAST_WORD && single.len < word.len && has(single, text, place))
            return SECRECY_ABOUT;
    }
    return SECRECY_NONE;
}

enum secrecy secrets_of_key(struct dm_slice key) {
    struct dm_slice word, previous = { NULL, 0 };
    enum secrecy lasting = SECRECY_NONE, now = SECRECY_NONE;
    while ((word = next_word(&key)).len) {
        int must_be_last;
        enum secrecy secrecy = secrecy_of_word(previous, word, &must_be_last);
        if (secrecy != SECRECY_NONE)
            now = secrecy;
        else if (!isdigit((unsigned char)*word.ptr) && !is_one_of(word, attributes))
            now = lasting;
        if (secrecy != SECRECY_NONE && !must_be_last)
            lasting = SECRECY_ABOUT;
        previous = word;
    }
    return now == SECRECY_ABOUT && is_one_of(previous, descriptions) ? SECRECY_NONE : now;
}
