using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Metering.Service.Access;

/// <summary>
/// Keeps whoever guesses from guessing on: after too many credentials that are none, an address is answered 429 without a look at what it sends, whatever that is;
/// but for credentials that were good here before, so that a stranger behind the same proxy shuts nobody out.
/// </summary>
internal sealed class SignInGuard(RateGate gate, AccessOptions options)
{
    private const int MaxKnown = 10_000;

    private readonly ConcurrentDictionary<string, byte> _known = new(StringComparer.Ordinal);

    /// <summary>How long to wait before another attempt; null: go on.</summary>
    public TimeSpan? Refuses(IPAddress? address, string credential) =>
        gate.Look(Party(address), options.FailedSignInsPerMinute) is { } wait && !_known.ContainsKey(Print(credential)) ? wait : null;

    /// <summary>Notes a credential that is none; how long to wait if it was one too many.</summary>
    public TimeSpan? Failed(IPAddress? address) => gate.Take(Party(address), options.FailedSignInsPerMinute);

    public void Succeeded(string credential)
    {
        if (_known.Count >= MaxKnown) _known.Clear();
        _known.TryAdd(Print(credential), 0);
    }

    private static string Party(IPAddress? address)
    {
        if (address is null) return "from:unknown";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return "from:" + (address.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)) : address.ToString());
    }

    // The credential itself is not kept.
    private static string Print(string credential) => Convert.ToHexString(KeySecret.Hash("known:" + credential));
}
