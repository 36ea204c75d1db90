/* Hides AVX-512, VNNI and AMX from a program: preloaded, it answers the cpuid instruction itself.
 *
 * Linux on x86-64, on processors that can fault on cpuid (arch_prctl(2)). `engines.py --older`
 * builds and preloads it. The C library has chosen its own copying before.
 */
#define _GNU_SOURCE

#include <cpuid.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_CPUID_SET 0x1012

static long let_cpuid(unsigned long is_allowed) {
    return syscall(SYS_arch_prctl, ARCH_CPUID_SET, is_allowed);
}

static void answer(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)registers[REG_RIP];
    unsigned leaf = registers[REG_RAX], part = registers[REG_RCX], a, b, c, d;
    (void)info;
    if (code[0] != 0x0f || code[1] != 0xa2) {
        /* A real fault: it comes again, and ends the program. */
        signal(number, SIG_DFL);
        return;
    }
    let_cpuid(1);
    __cpuid_count(leaf, part, a, b, c, d);
    let_cpuid(0);
    if (leaf == 7 && part == 0) {
        b &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31);
        c &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
        d &= ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25);
    } else if (leaf == 7 && part == 1) {
        a &= ~(1u << 4 | 1u << 5 | 1u << 21 | 1u << 23);
        d &= ~(1u << 4 | 1u << 5 | 1u << 8 | 1u << 10 | 1u << 19);
    }
    registers[REG_RAX] = a, registers[REG_RBX] = b, registers[REG_RCX] = c, registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    static const char cannot[] = "This processor or kernel cannot hide its instructions.\n";
    sigaction(SIGSEGV, &action, 0);
    if (let_cpuid(0) != 0) {
        ssize_t written = write(2, cannot, strlen(cannot));
        _exit(written > 0 ? 3 : 4);
    }
}
