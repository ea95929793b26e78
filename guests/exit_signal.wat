;; Sends itself each signal of WASI, SIGKILL and SIGSTOP too, as if it were a process.
;;
;; Args: none. Expect: no signal reaching the host; exit code 0, or a trap.
(module
  (import "wasi_snapshot_preview1" "proc_raise" (func $raise (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $signal i32)
    (loop $next
      (drop (call $raise (local.get $signal)))
      (local.set $signal (i32.add (local.get $signal) (i32.const 1)))
      (br_if $next (i32.le_u (local.get $signal) (i32.const 30))))))
