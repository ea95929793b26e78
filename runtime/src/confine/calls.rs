//! Which system calls a process may make, by seccomp.
//!
//! A server makes whatever calls its libraries make, and they change from version to version; so
//! here is a list of what it must not. A compiler is a closed world, and has a list of what it may.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, apply_filter_all_threads, sock_filter,
};

use super::Unconfined;

/// Calls with the conditions on which they are meant; without conditions, always.
type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// What no server needs, and who breaks into one would like: other processes, what is mounted, the
/// kernel's modules and programs, clocks, keys, namespaces, and interfaces that had many faults.
#[rustfmt::skip]
const REFUSED: &[i64] = &[
    // Other processes' memory and descriptors.
    libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // What is mounted, and where the root is.
    libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_chroot,
    libc::SYS_move_mount, libc::SYS_open_tree, libc::SYS_fsopen, libc::SYS_fsconfig,
    libc::SYS_fsmount, libc::SYS_fspick, libc::SYS_mount_setattr,
    // Other namespaces than those that it was started in.
    libc::SYS_setns, libc::SYS_unshare,
    // The machine: its kernel, its swap, its clock and its name.
    libc::SYS_kexec_load, libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module,
    libc::SYS_reboot, libc::SYS_swapon, libc::SYS_swapoff, libc::SYS_acct, libc::SYS_quotactl,
    libc::SYS_syslog, libc::SYS_settimeofday, libc::SYS_clock_settime, libc::SYS_clock_adjtime,
    libc::SYS_adjtimex, libc::SYS_sethostname, libc::SYS_setdomainname, libc::SYS_vhangup,
    // Large parts of the kernel that nothing here uses.
    libc::SYS_bpf, libc::SYS_perf_event_open, libc::SYS_userfaultfd, libc::SYS_fanotify_init,
    libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key,
    // Calls that go by a queue, past every filter.
    libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register,
    // Files by their number, past every folder.
    libc::SYS_open_by_handle_at, libc::SYS_name_to_handle_at,
    // Where pages lie, and the rules of another system.
    libc::SYS_move_pages, libc::SYS_migrate_pages, libc::SYS_mbind, libc::SYS_set_mempolicy,
    libc::SYS_personality,
];

/// The same, of calls that one kind of processor alone has.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const REFUSED_HERE: &[i64] = &[
    libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_kexec_file_load,
    libc::SYS_uselib, libc::SYS_ustat, libc::SYS_sysfs, libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// What a compiler needs beside memory and threads: its input and output, and its end.
#[rustfmt::skip]
const COMPILER_ALLOWED: &[i64] = &[
    libc::SYS_read, libc::SYS_readv, libc::SYS_write, libc::SYS_writev, libc::SYS_close,
    libc::SYS_fstat, libc::SYS_lseek,
    libc::SYS_munmap, libc::SYS_mremap, libc::SYS_madvise, libc::SYS_brk,
    libc::SYS_futex, libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_membarrier,
    libc::SYS_set_robust_list, libc::SYS_rseq, libc::SYS_gettid, libc::SYS_getpid,
    libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn, libc::SYS_sigaltstack,
    libc::SYS_clock_gettime, libc::SYS_clock_nanosleep, libc::SYS_nanosleep,
    libc::SYS_restart_syscall, libc::SYS_getrandom,
    libc::SYS_exit, libc::SYS_exit_group,
    // Answered by the other filter.
    libc::SYS_clone3,
];

/// What libraries ask for and do without: files that say how many processors there are, and the
/// like. It is refused with an error.
#[rustfmt::skip]
const COMPILER_REFUSED: &[i64] = &[
    libc::SYS_openat, libc::SYS_openat2, libc::SYS_newfstatat, libc::SYS_statx,
    libc::SYS_readlinkat, libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_getcwd,
    libc::SYS_prlimit64, libc::SYS_ioctl, libc::SYS_fcntl, libc::SYS_sysinfo, libc::SYS_uname,
    libc::SYS_getcpu,
];
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const COMPILER_REFUSED_HERE: &[i64] = &[
    libc::SYS_open, libc::SYS_stat, libc::SYS_lstat, libc::SYS_readlink, libc::SYS_access,
    libc::SYS_getrlimit,
];
#[cfg(not(target_arch = "x86_64"))]
const COMPILER_REFUSED_HERE: &[i64] = &[];

/// The flags of `clone` that make a namespace.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Refuses this process, all its threads and its children, with `EPERM`, the system calls that a
/// server never needs.
pub fn confine_calls() -> Result<(), Unconfined> {
    let mut refused: Calls =
        REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, vec![])).collect();
    let namespaces = NAMESPACES.map(|flag| rule(vec![has_all(0, flag)]));
    refused.insert(libc::SYS_clone, namespaces.into());
    let refused = filter(refused, SeccompAction::Allow, SeccompAction::Errno(errno(libc::EPERM)))?;
    for program in [Some(other_calls()), Some(clone3()?), Some(refused)].into_iter().flatten() {
        apply_filter_all_threads(&program).map_err(|error| Unconfined::Calls(error.into()))?;
    }
    Ok(())
}

/// Leaves this thread, which must be the only one, what a compiler needs. Any other call ends the
/// process with SIGSYS.
pub(super) fn confine_compiler_calls() -> Result<(), Unconfined> {
    let refused = COMPILER_REFUSED.iter().chain(COMPILER_REFUSED_HERE);
    let refused: Calls = refused.map(|call| (*call, vec![])).collect();
    let mut allowed: Calls = COMPILER_ALLOWED.iter().map(|call| (*call, vec![])).collect();
    allowed.extend(refused.clone());
    // Nothing that is written becomes code, and no memory is shared, which no limit would count.
    let private = || has_none(3, libc::MAP_SHARED);
    allowed.insert(libc::SYS_mmap, vec![rule(vec![has_none(2, libc::PROT_EXEC), private()])]);
    allowed.insert(libc::SYS_mprotect, vec![rule(vec![has_none(2, libc::PROT_EXEC)])]);
    // Threads, and no processes.
    let thread = libc::CLONE_THREAD | libc::CLONE_VM;
    allowed.insert(libc::SYS_clone, vec![rule(vec![has_all(0, thread)])]);
    let names = [libc::PR_SET_NAME, libc::PR_SET_VMA].map(|option| rule(vec![is(0, option)]));
    allowed.insert(libc::SYS_prctl, names.into());
    // A process that aborts sends itself the signal.
    let own = rustix::process::getpid().as_raw_pid();
    allowed.insert(libc::SYS_tgkill, vec![rule(vec![is(0, own)])]);

    let refused = filter(refused, SeccompAction::Allow, SeccompAction::Errno(errno(libc::EACCES)))?;
    let allowed = filter(allowed, SeccompAction::KillProcess, SeccompAction::Allow)?;
    // The strictest last: it leaves no way to add another.
    for program in [clone3()?, refused, allowed] {
        apply_filter(&program).map_err(|error| Unconfined::Calls(error.into()))?;
    }
    Ok(())
}

/// Says that there is no `clone3`: its flags lie in memory, where no filter sees them. Whoever asks
/// takes `clone` then.
fn clone3() -> Result<BpfProgram, Unconfined> {
    let calls = Calls::from([(libc::SYS_clone3, vec![])]);
    filter(calls, SeccompAction::Allow, SeccompAction::Errno(errno(libc::ENOSYS)))
}

/// Says that there are no calls of x32, by which x86-64 has each call a second time under another
/// number. On other processors there are none of such numbers.
fn other_calls() -> BpfProgram {
    const X32_CALLS: u32 = 0x4000_0000;
    let statement = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let word = |kind: u32| u16::try_from(kind).expect("a BPF instruction's code must have 16 bits");
    vec![
        // The number of the call stands first in what a filter sees.
        statement(word(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS), 0, 0, 0),
        statement(word(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K), 0, 1, X32_CALLS),
        statement(
            word(libc::BPF_RET | libc::BPF_K),
            0,
            0,
            libc::SECCOMP_RET_ERRNO | errno(libc::ENOSYS),
        ),
        statement(word(libc::BPF_RET | libc::BPF_K), 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn filter(
    calls: Calls,
    otherwise: SeccompAction,
    action: SeccompAction,
) -> Result<BpfProgram, Unconfined> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH);
    architecture
        .and_then(|architecture| SeccompFilter::new(calls, otherwise, action, architecture))
        .and_then(BpfProgram::try_from)
        .map_err(|error| Unconfined::Calls(error.into()))
}

fn rule(conditions: Vec<SeccompCondition>) -> SeccompRule {
    SeccompRule::new(conditions).expect("a rule must have a condition")
}

/// Argument `argument` has all bits of `flags`.
fn has_all(argument: u8, flags: libc::c_int) -> SeccompCondition {
    condition(argument, SeccompCmpOp::MaskedEq(bits(flags)), bits(flags))
}

/// Argument `argument` has no bit of `flags`.
fn has_none(argument: u8, flags: libc::c_int) -> SeccompCondition {
    condition(argument, SeccompCmpOp::MaskedEq(bits(flags)), 0)
}

/// Argument `argument` is `value`.
fn is(argument: u8, value: libc::c_int) -> SeccompCondition {
    condition(argument, SeccompCmpOp::Eq, bits(value))
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> SeccompCondition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        .expect("a call must have six arguments at most")
}

fn bits(flags: libc::c_int) -> u64 {
    u64::from(flags.cast_unsigned())
}

fn errno(number: libc::c_int) -> u32 {
    number.cast_unsigned()
}
