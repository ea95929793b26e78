;; Uses its descriptors as sockets, and looks for one that is.
;;
;; Args: none. Expect: exit code 0, every call having failed; exit code 1 when one went well.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send"
    (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\10\00\00\00")
  (func $refused (param $errno i32)
    (if (i32.eqz (local.get $errno)) (then (call $exit (i32.const 1)))))
  (func (export "_start") (local $fd i32)
    (loop $next
      (call $refused (call $accept (local.get $fd) (i32.const 0) (i32.const 16)))
      (call $refused (call $recv (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 0)
        (i32.const 16) (i32.const 20)))
      (call $refused (call $send (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 0)
        (i32.const 16)))
      (call $refused (call $shutdown (local.get $fd) (i32.const 3)))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 100))))))
