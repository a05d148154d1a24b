// A model of a disk below one directory: what would be there if the power went now.
//
// Every file has the bytes that were synced and the changes since, every directory the names that were synced and
// the changes since. A cut keeps what was synced and, by its mode, none, some or all of the rest.
#ifndef FOREBAY_MODEL_H
#define FOREBAY_MODEL_H

#include <stddef.h>
#include <stdint.h>

enum loss {
    LOSE_ALL,    // names and bytes that were not synced are gone
    LOSE_PART,   // of each file some changes are there, in any order; of each directory the first ones
    LOSE_TORN,   // the same, and of each write only some of its sectors
    LOSE_DATA,   // files have their length, but zeros where it grew
    LOSE_NAMES,  // all bytes are there, names that were not synced are gone
};

struct node;

// The directory that is modelled, as it lies on the disk now: all of it counts as synced.
void model_load(const char *root);
// What lies at `path`, or NULL where it is outside of the model or not there.
struct node *model_find(const char *path);
// Whether `path` is the modelled directory or below it.
int model_covers(const char *path);
// Name of a node for reports, below the root.
const char *model_name(const struct node *node);
int model_is_directory(const struct node *node);
size_t model_pending(const struct node *node);

void model_write(struct node *file, const void *bytes, size_t count, size_t position);
void model_truncate(struct node *file, size_t length);
struct node *model_create(const char *path, int is_directory);
void model_rename(const char *from, const char *to);
void model_remove(const char *path);
// All of the node's changes survive from now on.
void model_sync(struct node *node);
// All of the file's changes are lost at a cut, whatever is synced later: pages that a failed sync turned clean.
void model_forget(struct node *file);
// Bytes of the file that were synced.
const void *model_synced(const struct node *file, size_t *length);
// Puts onto the disk what a cut of the power leaves of the modelled directory.
void model_cut(enum loss loss, uint64_t seed);

#endif
