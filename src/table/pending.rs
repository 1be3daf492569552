//! Seams that the next commits of this room fill.
