mod changes;
mod handlers;
mod kit;
mod lines;
mod program;
mod size;
