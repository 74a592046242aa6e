/* Intrusive circular doubly linked list. The head and the links have the same type; a link is
 * embedded in its object and container_of leads back. The list owns nothing. */
#ifndef DRAGOMAN_BASE_LIST_H
#define DRAGOMAN_BASE_LIST_H

#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

/* For static heads: struct list all = LIST_INIT(all). */
#define LIST_INIT(head) { &(head), &(head) }

/* The object of which `member`, of the given type, is the embedded field at ptr. */
#ifndef container_of
#define container_of(ptr, type, member) \
    ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#endif

/* An empty head, or a link that lies in no list. */
static inline void list_init(struct list *list) {
    list->next = list;
    list->prev = list;
}

/* 1 when a head has no links, or when an initialised link lies in no list. */
static inline int list_is_empty(const struct list *list) {
    return list->next == list;
}

/* Inserts link right before the given position. The link must lie in no list. */
static inline void list_insert_before(struct list *position, struct list *link) {
    link->next = position;
    link->prev = position->prev;
    position->prev->next = link;
    position->prev = link;
}

static inline void list_push_back(struct list *head, struct list *link) {
    list_insert_before(head, link);
}

static inline void list_push_front(struct list *head, struct list *link) {
    list_insert_before(head->next, link);
}

/* Takes link out of its list and initialises it again; does nothing when it lies in none, so it
 * may be called twice. The link must have been initialised. */
static inline void list_remove(struct list *link) {
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* The first link, NULL when there is none. */
static inline struct list *list_front(const struct list *head) {
    return list_is_empty(head) ? NULL : head->next;
}

/* The last link, NULL when there is none. */
static inline struct list *list_back(const struct list *head) {
    return list_is_empty(head) ? NULL : head->prev;
}

/* Removes and returns the first link; NULL when there is none. */
static inline struct list *list_pop_front(struct list *head) {
    struct list *link = list_front(head);
    if (link)
        list_remove(link);
    return link;
}

/* Moves every link of `from` to the end of `to`, in order; `from` is empty afterwards. */
static inline void list_splice_back(struct list *to, struct list *from) {
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Declares `struct list *it` and walks front to back. The list must not change meanwhile. */
#define list_foreach(it, head) \
    for (struct list *it = (head)->next; it != (head); it = it->next)

/* As list_foreach; the body may remove (and free) the current link, and no other. */
#define list_foreach_safe(it, head) \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)

#endif
