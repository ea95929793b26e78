//! `mayfly serve`, from outside: starting, stopping, and who gets in.

mod life;
