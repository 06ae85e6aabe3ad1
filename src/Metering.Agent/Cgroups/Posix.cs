using System.Runtime.InteropServices;

namespace Metering.Agent.Cgroups;

/// <summary>
/// The few system calls of a pass. Raw descriptors instead of SafeFileHandle: one pread costs one call, no lock file call, and ENODEV is an errno,
/// not an exception of tens of microseconds (a storm of short-lived cgroups would throw thousands).
/// </summary>
internal static unsafe partial class Posix
{
    public const int EPERM = 1, ENOENT = 2, EINTR = 4, EAGAIN = 11, EACCES = 13, ENODEV = 19, EMFILE = 24, ENFILE = 23, ENOSPC = 28, EOPNOTSUPP = 95;
    public const int O_RDONLY = 0, O_WRONLY = 1, O_TRUNC = 0x200, O_DIRECTORY = 0x10000, O_CLOEXEC = 0x80000, O_NONBLOCK = 0x800, O_PATH = 0x200000;
    public const int AT_FDCWD = -100, AT_EMPTY_PATH = 0x1000;
    public const int CLOCK_THREAD_CPUTIME_ID = 3, CLOCK_BOOTTIME = 7;
    public const uint IN_MODIFY = 0x2, IN_CREATE = 0x100, IN_DELETE = 0x200, IN_Q_OVERFLOW = 0x4000, IN_IGNORED = 0x8000, IN_ONLYDIR = 0x1000000, IN_ISDIR = 0x40000000;
    private const uint StatxIno = 0x100;

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint PreadNative(int fd, byte* buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadNative(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int OpenAtNative(int directory, byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseNative(int fd);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int StatxNative(int directory, byte* path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "fdopendir", SetLastError = true)]
    private static partial nint FdOpenDirNative(int fd);

    [LibraryImport("libc", EntryPoint = "readdir", SetLastError = true)]
    private static partial byte* ReadDirNative(nint directory);

    [LibraryImport("libc", EntryPoint = "closedir")]
    private static partial int CloseDirNative(nint directory);

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    private static partial int InotifyInitNative(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true)]
    private static partial int InotifyAddWatchNative(int fd, byte* path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch")]
    private static partial int InotifyRemoveWatchNative(int fd, int watch);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFdNative(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FsyncNative(int fd);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteNative(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int PollNative(long* descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTimeNative(int clock, long* time);

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriorityNative(int which, uint who, int nice);

    /// <summary>Gives the calling thread, and no other, this nice value (setpriority(2): on Linux it is the thread's); false where that is not permitted.</summary>
    public static bool TryBeNice(int nice) => SetPriorityNative(0, 0, nice) == 0;

    /// <summary>Processor time of the calling thread, user and system, in nanoseconds.</summary>
    public static long ThreadCpuNanoseconds() => ClockNanoseconds(CLOCK_THREAD_CPUTIME_ID);

    private static long ClockNanoseconds(int clock)
    {
        // struct timespec of a 64-bit system: seconds, nanoseconds.
        var time = stackalloc long[2];
        return ClockGetTimeNative(clock, time) == 0 ? time[0] * 1_000_000_000 + time[1] : 0;
    }

    /// <summary>Time since boot in microseconds, suspended time included; no setting of the wall clock moves it (clock_gettime(2), CLOCK_BOOTTIME).</summary>
    public static long BootMicroseconds() => ClockNanoseconds(CLOCK_BOOTTIME) / 1000;

    /// <summary>Bytes read from the start of the file, or −errno. One system call; kernfs renders the whole file for it.</summary>
    public static int Pread(int fd, Span<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            nint length;
            do length = PreadNative(fd, pointer, (nuint)buffer.Length, 0);
            while (length < 0 && Marshal.GetLastPInvokeError() == EINTR);
            return length < 0 ? -Marshal.GetLastPInvokeError() : (int)length;
        }
    }

    public static int Read(int fd, Span<byte> buffer)
    {
        fixed (byte* pointer = buffer)
        {
            var length = ReadNative(fd, pointer, (nuint)buffer.Length);
            return length < 0 ? -Marshal.GetLastPInvokeError() : (int)length;
        }
    }

    /// <summary>Bytes written, or −errno.</summary>
    public static int Write(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* pointer = bytes)
        {
            var length = WriteNative(fd, pointer, (nuint)bytes.Length);
            return length < 0 ? -Marshal.GetLastPInvokeError() : (int)length;
        }
    }

    /// <summary>Makes the names in a directory durable (fsync(2)). Throws <see cref="IOException"/> when the disk refuses.</summary>
    public static void SyncDirectory(string path)
    {
        var directory = OpenAt(AT_FDCWD, CgroupName.EncodeTerminated(path), O_RDONLY | O_DIRECTORY);
        if (directory < 0) throw new IOException($"'{path}' can not be opened (errno {-directory}).");
        var failed = FsyncNative(directory) != 0;
        Close(directory);
        if (failed) throw new IOException($"'{path}' can not be flushed to disk.");
    }

    /// <summary>A descriptor, or −errno. <paramref name="path"/> ends with a zero byte.</summary>
    public static int OpenAt(int directory, ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* pointer = path)
        {
            var fd = OpenAtNative(directory, pointer, flags | O_CLOEXEC, 0);
            return fd < 0 ? -Marshal.GetLastPInvokeError() : fd;
        }
    }

    public static void Close(int fd) => _ = CloseNative(fd);

    /// <summary>The 64-bit inode of an open descriptor; 0 when it can not be told.</summary>
    public static ulong InodeOf(int fd) => Inode(fd, "\0"u8, AT_EMPTY_PATH);

    /// <summary>The 64-bit inode at a path, which ends with a zero byte; 0 when there is nothing.</summary>
    public static ulong InodeAt(ReadOnlySpan<byte> path) => Inode(AT_FDCWD, path, 0);

    private static ulong Inode(int directory, ReadOnlySpan<byte> path, int flags)
    {
        // struct statx is the same on every architecture; stx_ino stands at byte 32.
        var result = stackalloc byte[256];
        fixed (byte* pointer = path) return StatxNative(directory, pointer, flags, StatxIno, result) == 0 ? *(ulong*)(result + 32) : 0;
    }

    /// <summary>Calls back with inode and name of each child directory; false when the directory can not be read. Takes over <paramref name="fd"/>.</summary>
    public static bool EachDirectory(int fd, List<CgroupEntry> into)
    {
        var directory = FdOpenDirNative(fd);
        if (directory == 0)
        {
            Close(fd);
            return false;
        }

        try
        {
            while (true)
            {
                Marshal.SetLastPInvokeError(0);
                var entry = ReadDirNative(directory);
                if (entry == null) return Marshal.GetLastPInvokeError() == 0;

                // struct dirent of 64-bit glibc and musl: ino 8, off 8, reclen 2, type 1, name. 4 is DT_DIR.
                if (entry[18] != 4) continue;
                var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + 19);
                if (name.SequenceEqual("."u8) || name.SequenceEqual(".."u8)) continue;
                into.Add(new CgroupEntry(CgroupName.Decode(name), *(ulong*)entry));
            }
        }
        finally
        {
            _ = CloseDirNative(directory);
        }
    }

    /// <summary>True when the directory has any entry; takes over <paramref name="fd"/>.</summary>
    public static bool HasEntries(int fd)
    {
        var directory = FdOpenDirNative(fd);
        if (directory == 0)
        {
            Close(fd);
            return false;
        }

        var found = false;
        while (!found && ReadDirNative(directory) is var entry && entry != null)
        {
            var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + 19);
            found = !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8);
        }

        _ = CloseDirNative(directory);
        return found;
    }

    public static int InotifyInit()
    {
        var fd = InotifyInitNative(O_NONBLOCK | O_CLOEXEC);
        return fd < 0 ? -Marshal.GetLastPInvokeError() : fd;
    }

    public static int InotifyAddWatch(int fd, ReadOnlySpan<byte> path, uint mask)
    {
        fixed (byte* pointer = path)
        {
            var watch = InotifyAddWatchNative(fd, pointer, mask);
            return watch < 0 ? -Marshal.GetLastPInvokeError() : watch;
        }
    }

    public static void InotifyRemoveWatch(int fd, int watch) => _ = InotifyRemoveWatchNative(fd, watch);

    /// <summary>A descriptor that <see cref="Signal"/> makes readable.</summary>
    public static int EventFd() => EventFdNative(0, O_NONBLOCK | O_CLOEXEC);

    public static void Signal(int eventFd)
    {
        ulong one = 1;
        _ = WriteNative(eventFd, (byte*)&one, sizeof(ulong));
    }

    /// <summary>Waits until one of the two can be read (a negative one never can) or the time is over; true when the first can.</summary>
    public static bool Poll(int first, int second, int milliseconds)
    {
        // struct pollfd: fd 4, events 2, revents 2. 1 is POLLIN.
        var descriptors = stackalloc long[2];
        descriptors[0] = unchecked((uint)first) | (1L << 32);
        descriptors[1] = unchecked((uint)second) | (1L << 32);
        return PollNative(descriptors, 2, milliseconds) > 0 && descriptors[0] >> 48 != 0;
    }
}
