//! The relay over real sockets, against a scripted server and a scripted LMS.

mod ends;
mod flow;
mod road;
mod stage;
mod tls;
