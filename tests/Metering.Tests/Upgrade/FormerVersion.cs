using System.IO.Compression;
using Metering.Tests.Support;

namespace Metering.Tests.Upgrade;

/// <summary>
/// What <c>metering up</c> of a former version left behind when it was killed: its ledger (migrations Initial and Unscraped alone) and its journal (without the clock since boot).
/// Host <c>former</c>, 13 batches, and a cgroup <c>/former-version</c> that had used 500,315 µs.
/// </summary>
internal static class FormerVersion
{
    public const string Host = "former", Epoch = "052f595d867e9fa71aacdf642ab461ac", Path = "/former-version";
    public const long CpuMicroseconds = 500_315;
    public const ulong Batches = 13;

    /// <summary>Puts <c>ledger.db</c> and <c>journal.db</c> there.</summary>
    public static void Unpack(string directory)
    {
        foreach (var name in (string[])["ledger.db", "journal.db"])
        {
            using var packed = File.OpenRead(System.IO.Path.Combine(RepositoryFiles.Root, "tests/Metering.Tests/Upgrade", name + ".gz"));
            using var unpacked = new GZipStream(packed, CompressionMode.Decompress);
            using var file = File.Create(System.IO.Path.Combine(directory, name));
            unpacked.CopyTo(file);
        }
    }
}
