using System.Security.Cryptography;

namespace Metering.Identity;

/// <summary>SHA-256 over the protobuf bytes of a batch as the journal stores them; every transport sends those bytes unchanged.</summary>
public static class BatchHash
{
    public static byte[] Of(ReadOnlySpan<byte> batch) => SHA256.HashData(batch);
}
