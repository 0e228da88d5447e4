mod changes;
mod kit;
mod lines;
mod program;
