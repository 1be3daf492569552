//! The one place that draws a diagnostic: excerpt, carets, reason, way out.
