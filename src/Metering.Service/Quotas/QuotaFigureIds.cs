using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Service.Quotas;

/// <summary>The ids of figures on PostgreSQL: the first 128 bits of SHA-256 over <c>QUOTA/START/COMPONENT</c>, so that nobody has to look them up and every replica has the same.</summary>
internal static class QuotaFigureIds
{
    /// <summary>As <see cref="QuotaFigureIdSchema"/> makes it in SQL.</summary>
    public static Guid Make(string quota, long start, string component)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{quota}/{start}/{component}")));
        return new Guid(hash.AsSpan(0, 16), bigEndian: true);
    }
}
