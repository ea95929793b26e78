;; Asks for every right there is on what is mounted to read alone, and then uses them.
;;
;; Args: none. Expect: exit code 0 and nothing written; exit code 1 when something could be.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_set_rights"
    (func $set_rights (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_set_flags"
    (func $set_flags (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite"
    (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size"
    (func $truncate (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_allocate"
    (func $allocate (param i32 i64 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_times"
    (func $set_times (param i32 i64 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\20\00\00\00\03\00\00\00")
  (data (i32.const 32) "new")
  (data (i32.const 64) "file")
  (func $refused (param $errno i32)
    (if (i32.eqz (local.get $errno)) (then (call $exit (i32.const 1)))))
  (func $use (param $fd i32)
    (drop (call $set_rights (local.get $fd) (i64.const 0x3fffffff) (i64.const 0x3fffffff)))
    (drop (call $set_flags (local.get $fd) (i32.const 1)))
    (call $refused (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $refused (call $pwrite (local.get $fd) (i32.const 0) (i32.const 1) (i64.const 0)
      (i32.const 16)))
    (call $refused (call $truncate (local.get $fd) (i64.const 0)))
    (call $refused (call $allocate (local.get $fd) (i64.const 0) (i64.const 4096)))
    (call $refused (call $set_times (local.get $fd) (i64.const 1) (i64.const 1) (i32.const 5))))
  (func (export "_start")
    (drop (call $set_rights (i32.const 4) (i64.const 0x3fffffff) (i64.const 0x3fffffff)))
    (call $refused (call $open (i32.const 4) (i32.const 1) (i32.const 64) (i32.const 4)
      (i32.const 0) (i64.const 0x3fffffff) (i64.const 0x3fffffff) (i32.const 0) (i32.const 16)))
    (if (i32.eqz (call $open (i32.const 4) (i32.const 1) (i32.const 64) (i32.const 4)
      (i32.const 0) (i64.const 2) (i64.const 0x3fffffff) (i32.const 0) (i32.const 16)))
      (then (call $use (i32.load (i32.const 16)))))))
