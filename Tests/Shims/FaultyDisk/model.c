// The disk as it would be after a cut of the power. See model.h.
#define _GNU_SOURCE
#include "model.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTOR 512

// A write (`bytes`) or a truncation of a file since it was last synced.
struct change {
    struct change *next;
    size_t position, count;  // a truncation: the new length, 0
    int is_write;
    unsigned char bytes[];
};

// A change of a directory's names since it was last synced; a rename is both at once.
struct naming {
    struct naming *next;
    char *removed, *added;
    struct node *node;
};

struct entry {
    struct entry *next;
    char *name;
    struct node *node;
};

struct bytes {
    unsigned char *at;
    size_t length;
};

struct node {
    int is_directory;
    char *path;  // below the root, for reports
    struct bytes synced;
    struct change *changes, **last_change;
    struct entry *now, *durable;
    struct naming *namings, **last_naming;
};

static char root_path[PATH_MAX];
static struct node *root;

static void *need(void *memory) {
    if (!memory) abort();
    return memory;
}

static struct node *new_node(const char *path, int is_directory) {
    struct node *node = need(calloc(1, sizeof *node));
    node->is_directory = is_directory;
    node->path = need(strdup(path));
    node->last_change = &node->changes;
    node->last_naming = &node->namings;
    return node;
}

// --- bytes ---

static void resize(struct bytes *bytes, size_t length) {
    bytes->at = need(realloc(bytes->at, length + 1));
    if (length > bytes->length) memset(bytes->at + bytes->length, 0, length - bytes->length);
    bytes->length = length;
}

static void put(struct bytes *bytes, size_t position, const unsigned char *from, size_t count) {
    if (position + count > bytes->length) resize(bytes, position + count);
    memcpy(bytes->at + position, from, count);
}

static void apply(struct bytes *bytes, const struct change *change) {
    if (change->is_write)
        put(bytes, change->position, change->bytes, change->count);
    else
        resize(bytes, change->position);
}

static void drop_changes(struct node *file) {
    while (file->changes) {
        struct change *change = file->changes;
        file->changes = change->next;
        free(change);
    }
    file->last_change = &file->changes;
}

static void add_change(struct node *file, int is_write, size_t position, const void *bytes, size_t count) {
    struct change *change = need(malloc(sizeof *change + count));
    *change = (struct change){.position = position, .count = count, .is_write = is_write};
    memcpy(change->bytes, bytes, count);
    *file->last_change = change;
    file->last_change = &change->next;
}

void model_write(struct node *file, const void *bytes, size_t count, size_t position) {
    add_change(file, 1, position, bytes, count);
}

void model_truncate(struct node *file, size_t length) { add_change(file, 0, length, "", 0); }

void model_forget(struct node *file) { drop_changes(file); }

const void *model_synced(const struct node *file, size_t *length) {
    *length = file->synced.length;
    return file->synced.at;
}

// --- names ---

static struct entry **place(struct entry **entries, const char *name) {
    while (*entries && strcmp((*entries)->name, name) != 0) entries = &(*entries)->next;
    return entries;
}

static void set_name(struct entry **entries, const char *name, struct node *node) {
    struct entry **at = place(entries, name);
    if (!*at) {
        *at = need(calloc(1, sizeof **at));
        (*at)->name = need(strdup(name));
    }
    (*at)->node = node;
}

static void clear_name(struct entry **entries, const char *name) {
    struct entry **at = place(entries, name);
    if (!*at) return;
    struct entry *gone = *at;
    *at = gone->next;
    free(gone->name);
    free(gone);
}

static void apply_naming(struct entry **entries, const struct naming *naming) {
    if (naming->removed) clear_name(entries, naming->removed);
    if (naming->added) set_name(entries, naming->added, naming->node);
}

static void add_naming(struct node *directory, const char *removed, const char *added, struct node *node) {
    struct naming *naming = need(calloc(1, sizeof *naming));
    naming->removed = removed ? need(strdup(removed)) : NULL;
    naming->added = added ? need(strdup(added)) : NULL;
    naming->node = node;
    apply_naming(&directory->now, naming);
    *directory->last_naming = naming;
    directory->last_naming = &naming->next;
}

int model_covers(const char *path) {
    size_t length = strlen(root_path);
    return length && strncmp(path, root_path, length) == 0 && (path[length] == '/' || path[length] == 0);
}

// The directory that holds `path` and the last part of the path; NULL where there is none.
static struct node *parent_of(const char *path, const char **name) {
    if (!model_covers(path)) return NULL;
    const char *rest = path + strlen(root_path);
    struct node *at = root;
    while (*rest == '/') rest++;
    for (const char *slash; at && (slash = strchr(rest, '/')); rest = slash + 1) {
        char part[NAME_MAX + 1];
        snprintf(part, sizeof part, "%.*s", (int)(slash - rest), rest);
        struct entry **entry = place(&at->now, part);
        at = *entry ? (*entry)->node : NULL;
    }
    *name = rest;
    return at;
}

struct node *model_find(const char *path) {
    const char *name;
    struct node *directory = parent_of(path, &name);
    if (!directory || !*name) return directory;
    struct entry **entry = place(&directory->now, name);
    return *entry ? (*entry)->node : NULL;
}

const char *model_name(const struct node *node) { return node->path; }
int model_is_directory(const struct node *node) { return node->is_directory; }

size_t model_pending(const struct node *node) {
    size_t count = 0;
    for (struct change *change = node->changes; change; change = change->next) count++;
    for (struct naming *naming = node->namings; naming; naming = naming->next) count++;
    return count;
}

struct node *model_create(const char *path, int is_directory) {
    const char *name;
    struct node *directory = parent_of(path, &name);
    if (!directory || !*name) return NULL;
    struct node *node = new_node(path + strlen(root_path) + 1, is_directory);
    add_naming(directory, NULL, name, node);
    return node;
}

void model_rename(const char *from, const char *to) {
    const char *old_name, *new_name;
    struct node *old_directory = parent_of(from, &old_name), *new_directory = parent_of(to, &new_name);
    struct node *node = model_find(from);
    if (!node) return;
    // Between two directories a rename is two changes that a cut can part; nothing of ours does that.
    if (old_directory != new_directory) abort();
    add_naming(old_directory, old_name, new_name, node);
    free(node->path);
    node->path = need(strdup(to + strlen(root_path) + 1));
}

void model_remove(const char *path) {
    const char *name;
    struct node *directory = parent_of(path, &name);
    if (directory && model_find(path)) add_naming(directory, name, NULL, NULL);
}

void model_sync(struct node *node) {
    for (struct change *change = node->changes; change; change = change->next) apply(&node->synced, change);
    drop_changes(node);
    // The names are few and the process is short: what was applied is left to its end.
    for (struct naming *naming = node->namings; naming; naming = naming->next) apply_naming(&node->durable, naming);
    node->namings = NULL;
    node->last_naming = &node->namings;
}

// --- loading and cutting ---

static void load(struct node *directory, const char *path) {
    DIR *stream = opendir(path);
    if (!stream) return;
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char child[PATH_MAX];
        struct stat status;
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (lstat(child, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) continue;
        struct node *node = new_node(child + strlen(root_path) + 1, S_ISDIR(status.st_mode));
        if (node->is_directory) {
            load(node, child);
        } else {
            resize(&node->synced, (size_t)status.st_size);
            int fd = (int)syscall(SYS_openat, AT_FDCWD, child, O_RDONLY | O_CLOEXEC, 0);
            if (pread(fd, node->synced.at, node->synced.length, 0) != (ssize_t)node->synced.length) abort();
            syscall(SYS_close, fd);
        }
        set_name(&directory->now, entry->d_name, node);
        set_name(&directory->durable, entry->d_name, node);
    }
    closedir(stream);
}

void model_load(const char *path) {
    snprintf(root_path, sizeof root_path, "%s", path);
    root = new_node("", 1);
    load(root, root_path);
}

static uint64_t random_state;

static int coin(void) {
    random_state += 0x9E3779B97F4A7C15;
    uint64_t mixed = random_state;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return (int)((mixed ^ (mixed >> 31)) & 1);
}

// Some sectors of a write, by their place in the file: a sector is there as a whole or not at all.
static void apply_torn(struct bytes *bytes, const struct change *change) {
    size_t at = 0;
    while (at < change->count) {
        size_t part = SECTOR - (change->position + at) % SECTOR;
        if (part > change->count - at) part = change->count - at;
        if (coin()) put(bytes, change->position + at, change->bytes + at, part);
        at += part;
    }
}

static void keep_bytes(struct node *file, enum loss loss) {
    struct bytes *kept = &file->synced;
    if (loss == LOSE_DATA) {
        struct bytes full = {.at = need(malloc(kept->length + 1)), .length = kept->length};
        memcpy(full.at, kept->at ? kept->at : full.at, kept->length);
        for (struct change *change = file->changes; change; change = change->next) apply(&full, change);
        resize(kept, full.length);
        free(full.at);
        return;
    }
    for (struct change *change = file->changes; change; change = change->next) {
        if (loss == LOSE_NAMES || (loss == LOSE_PART && coin())) apply(kept, change);
        if (loss == LOSE_TORN && !change->is_write && coin()) apply(kept, change);
        if (loss == LOSE_TORN && change->is_write) apply_torn(kept, change);
    }
}

static void keep_names(struct node *directory, enum loss loss) {
    for (struct naming *naming = directory->namings; naming; naming = naming->next) {
        int kept = loss == LOSE_DATA || ((loss == LOSE_PART || loss == LOSE_TORN) && coin());
        if (!kept) return;
        apply_naming(&directory->durable, naming);
    }
}

static void store(struct node *node, const char *path, enum loss loss) {
    if (!node->is_directory) {
        keep_bytes(node, loss);
        int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (fd < 0) abort();
        size_t done = 0;
        while (done < node->synced.length) {
            ssize_t count = syscall(SYS_write, fd, node->synced.at + done, node->synced.length - done);
            if (count <= 0) abort();
            done += (size_t)count;
        }
        syscall(SYS_close, fd);
        return;
    }
    keep_names(node, loss);
    syscall(SYS_mkdirat, AT_FDCWD, path, 0750);
    for (struct entry *entry = node->durable; entry; entry = entry->next) {
        char child[PATH_MAX];
        snprintf(child, sizeof child, "%s/%s", path, entry->name);
        store(entry->node, child, loss);
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)place;
    // The directory itself was there before everything: it stays.
    if (strcmp(path, root_path) == 0) return 0;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, type == FTW_DP ? AT_REMOVEDIR : 0);
}

void model_cut(enum loss loss, uint64_t seed) {
    random_state = seed;
    nftw(root_path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    store(root, root_path, loss);
}
