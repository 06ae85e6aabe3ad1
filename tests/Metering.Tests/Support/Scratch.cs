namespace Metering.Tests.Support;

/// <summary>Where tests put files: in memory when the machine has room there, since durability is not what they test.</summary>
internal static class Scratch
{
    public static string Root { get; } = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
}
