#include "core/transcript/vars.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"

void vars_init(struct vars *vars) {
    *vars = (struct vars){ 0 };
    arena_init(&vars->arena, 4096);
}

void vars_fini(struct vars *vars) {
    arena_fini(&vars->arena);
    free(vars->items);
    *vars = (struct vars){ 0 };
}

static struct var *find(const struct vars *vars, struct dm_slice name) {
    for (size_t i = 0; i < vars->count; i++)
        if (dm_slice_eq(vars->items[i].name, name))
            return &vars->items[i];
    return NULL;
}

void vars_set(struct vars *vars, struct dm_slice name, enum var_kind kind, struct dm_slice value) {
    struct var *var = find(vars, name);
    if (!var) {
        if (vars->count == vars->cap) {
            vars->cap = vars->cap ? vars->cap * 2 : 16;
            vars->items = mem_realloc(vars->items, vars->cap * sizeof(*vars->items));
        }
        var = &vars->items[vars->count++];
        var->name = arena_slice(&vars->arena, name);
    }
    var->kind = kind;
    var->value = arena_slice(&vars->arena, value);
}

const struct var *vars_get(const struct vars *vars, struct dm_slice name) {
    return find(vars, name);
}

size_t vars_mark(const struct vars *vars) {
    return vars->count;
}

void vars_rollback(struct vars *vars, size_t mark) {
    assert(mark <= vars->count);
    vars->count = mark;
}
