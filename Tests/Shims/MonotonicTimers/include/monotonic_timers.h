// Nothing to import: the library is preloaded.
