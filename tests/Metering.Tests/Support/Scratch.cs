namespace Metering.Tests.Support;

/// <summary>Where tests put files: in memory when the machine has room there, since durability is not what they test.</summary>
internal static class Scratch
{
    private const string Memory = "/dev/shm";
    private const long Room = 2L << 30;

    // A container is often given 64 MiB there.
    public static string Root { get; } = Directory.Exists(Memory) && new DriveInfo(Memory).AvailableFreeSpace >= Room ? Memory : Path.GetTempPath();
}
