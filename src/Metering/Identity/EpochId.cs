using System.Security.Cryptography;

namespace Metering.Identity;

/// <summary>A random 128-bit id made with a journal. (epoch, sequence) names a batch for ever; a new journal is a new epoch.</summary>
public static class EpochId
{
    /// <summary>32 lower-case hex digits from the system's random source.</summary>
    public static string New() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
}
