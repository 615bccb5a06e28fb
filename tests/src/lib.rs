//! Nothing here: the live tests are in `live/`.
