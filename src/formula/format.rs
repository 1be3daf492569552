//! One canonical layout.
