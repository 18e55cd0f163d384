//! The relay over real sockets.
