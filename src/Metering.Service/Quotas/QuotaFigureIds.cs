using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Service.Quotas;

/// <summary>
/// The ids of figures on PostgreSQL: the first 128 bits of SHA-256 over <c>QUOTA/START/COMPONENT</c>, so that nobody has to look them up and every replica has the same. Remembered, as a group asks for all of them.
/// </summary>
internal sealed class QuotaFigureIds
{
    /// <summary>Minutes and buckets make new figures without end.</summary>
    private const int MaxKnown = 200_000;

    private readonly Dictionary<QuotaKey, Guid> _ids = [];

    public Guid Of(QuotaKey key)
    {
        if (_ids.TryGetValue(key, out var known)) return known;
        if (_ids.Count >= MaxKnown) _ids.Clear();
        return _ids[key] = Make(key.Quota.Id, key.Start, key.Component);
    }

    /// <summary>As <see cref="QuotaFigureIdSchema"/> makes it in SQL.</summary>
    public static Guid Make(string quota, long start, string component)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{quota}/{start}/{component}")));
        return new Guid(hash.AsSpan(0, 16), bigEndian: true);
    }

    /// <summary>The quotas are other objects now.</summary>
    public void Forget() => _ids.Clear();
}
