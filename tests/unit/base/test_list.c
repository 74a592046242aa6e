#include <stdlib.h>

#include "core/base/list.h"
#include "tests/unit/check.h"

struct item {
    int number;
    struct list link;
};

static struct item *item_of(struct list *link) {
    return container_of(link, struct item, link);
}

static void check_numbers(struct list *head, const int *numbers, size_t count) {
    size_t i = 0;
    list_foreach(it, head) {
        cr_assert(lt(sz, i, count));
        cr_assert(eq(int, item_of(it)->number, numbers[i]));
        cr_assert(eq(ptr, it->next->prev, it));
        i++;
    }
    cr_assert(eq(sz, i, count));
}

Test(list, an_empty_one_has_no_ends) {
    struct list head = LIST_INIT(head);
    cr_assert(eq(int, list_is_empty(&head), 1));
    cr_assert(eq(ptr, list_front(&head), NULL));
    cr_assert(eq(ptr, list_back(&head), NULL));
    cr_assert(eq(ptr, list_pop_front(&head), NULL));
}

Test(list, pushes_at_both_ends) {
    struct list head;
    struct item items[] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
    list_init(&head);
    list_push_back(&head, &items[1].link);
    list_push_back(&head, &items[2].link);
    list_push_front(&head, &items[0].link);
    check_numbers(&head, (const int[]){ 1, 2, 3 }, 3);
    cr_assert(eq(int, item_of(list_front(&head))->number, 1));
    cr_assert(eq(int, item_of(list_back(&head))->number, 3));
}

Test(list, inserts_before_a_position) {
    struct list head = LIST_INIT(head);
    struct item items[] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
    list_push_back(&head, &items[0].link);
    list_push_back(&head, &items[2].link);
    list_insert_before(&items[2].link, &items[1].link);
    check_numbers(&head, (const int[]){ 1, 2, 3 }, 3);
}

Test(list, remove_may_be_repeated) {
    struct list head = LIST_INIT(head);
    struct item items[] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
    for (size_t i = 0; i < 3; i++)
        list_push_back(&head, &items[i].link);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    cr_assert(eq(int, list_is_empty(&items[1].link), 1));
    check_numbers(&head, (const int[]){ 1, 3 }, 2);
}

Test(list, pops_in_order) {
    struct list head = LIST_INIT(head);
    struct item items[] = { { .number = 1 }, { .number = 2 } };
    list_push_back(&head, &items[0].link);
    list_push_back(&head, &items[1].link);
    cr_assert(eq(int, item_of(list_pop_front(&head))->number, 1));
    cr_assert(eq(int, list_is_empty(&items[0].link), 1));
    cr_assert(eq(int, item_of(list_pop_front(&head))->number, 2));
    cr_assert(eq(int, list_is_empty(&head), 1));
}

Test(list, splices_any_lengths) {
    struct list to = LIST_INIT(to), from = LIST_INIT(from);
    struct item items[] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
    list_splice_back(&to, &from);
    check_numbers(&to, NULL, 0);
    list_push_back(&from, &items[0].link);
    list_splice_back(&to, &from);
    check_numbers(&to, (const int[]){ 1 }, 1);
    cr_assert(eq(int, list_is_empty(&from), 1));
    list_push_back(&from, &items[1].link);
    list_push_back(&from, &items[2].link);
    list_splice_back(&to, &from);
    check_numbers(&to, (const int[]){ 1, 2, 3 }, 3);
    list_splice_back(&to, &from);
    check_numbers(&to, (const int[]){ 1, 2, 3 }, 3);
}

Test(list, the_safe_walk_survives_freeing) {
    struct list head = LIST_INIT(head);
    for (int i = 0; i < 10; i++) {
        struct item *item = malloc(sizeof(*item));
        item->number = i;
        list_push_back(&head, &item->link);
    }
    list_foreach_safe(it, &head) {
        if (item_of(it)->number % 2 == 0) {
            list_remove(it);
            free(item_of(it));
        }
    }
    check_numbers(&head, (const int[]){ 1, 3, 5, 7, 9 }, 5);
    list_foreach_safe(it, &head)
        free(item_of(it));
}
