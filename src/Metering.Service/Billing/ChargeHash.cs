using System.Security.Cryptography;

namespace Metering.Service.Billing;

/// <summary>SHA-256 over the canonical lines of charges, in the order in which they are added; what a manifest has of them. State: the hash so far and one line.</summary>
internal sealed class ChargeHash : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _line = new byte[1024];

    /// <summary>How many were added.</summary>
    public long Count { get; private set; }

    public void Add(ChargeEntry charge)
    {
        int length;
        while (!charge.TryWriteCanonical(_line, out length)) _line = new byte[_line.Length * 2];
        _hash.AppendData(_line, 0, length);
        Count++;
    }

    /// <summary>In lower-case hexadecimal digits; begins anew.</summary>
    public string End()
    {
        Count = 0;
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    public void Dispose() => _hash.Dispose();
}
