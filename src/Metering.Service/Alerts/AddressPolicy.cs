using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Metering.Service.Alerts;

/// <summary>
/// Which addresses a tenant's webhook may reach. Everything that is not public is refused, in whatever form it is dressed up, unless the operator allows it:
/// the service stands inside a network whose machines trust it.
/// </summary>
public sealed class AddressPolicy
{
    /// <summary>Ports that need no permission.</summary>
    public static readonly IReadOnlyList<int> UsualPorts = [80, 443, 8443];

    private static readonly (IPNetwork Network, string Reason)[] Refused =
    [
        (IPNetwork.Parse("0.0.0.0/8"), "this host"),
        (IPNetwork.Parse("10.0.0.0/8"), "a private network"),
        (IPNetwork.Parse("100.64.0.0/10"), "a carrier network"),
        (IPNetwork.Parse("127.0.0.0/8"), "loopback"),
        (IPNetwork.Parse("169.254.0.0/16"), "link-local, where clouds keep credentials"),
        (IPNetwork.Parse("172.16.0.0/12"), "a private network"),
        (IPNetwork.Parse("192.0.0.0/24"), "reserved for protocols"),
        (IPNetwork.Parse("192.0.2.0/24"), "for documentation"),
        (IPNetwork.Parse("192.88.99.0/24"), "a 6to4 relay"),
        (IPNetwork.Parse("192.168.0.0/16"), "a private network"),
        (IPNetwork.Parse("198.18.0.0/15"), "for benchmarks"),
        (IPNetwork.Parse("198.51.100.0/24"), "for documentation"),
        (IPNetwork.Parse("203.0.113.0/24"), "for documentation"),
        (IPNetwork.Parse("224.0.0.0/4"), "multicast"),
        (IPNetwork.Parse("240.0.0.0/4"), "reserved"),
        (IPNetwork.Parse("::/128"), "this host"),
        (IPNetwork.Parse("::1/128"), "loopback"),
        (IPNetwork.Parse("fc00::/7"), "a private network"),
        (IPNetwork.Parse("fe80::/10"), "link-local"),
        (IPNetwork.Parse("ff00::/8"), "multicast"),
        (IPNetwork.Parse("2001:2::/48"), "for benchmarks"),
        (IPNetwork.Parse("2001:10::/28"), "no address to connect to"),
        (IPNetwork.Parse("2001:20::/28"), "no address to connect to"),
        (IPNetwork.Parse("2001:db8::/32"), "for documentation"),
        (IPNetwork.Parse("3fff::/20"), "for documentation"),
    ];

    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork Teredo = IPNetwork.Parse("2001::/32");

    private readonly IPNetwork[] networks;
    private readonly FrozenSet<(string Host, int Port)> hosts;

    private AddressPolicy(IEnumerable<IPNetwork> networks, IEnumerable<(string Host, int Port)> hosts)
    {
        this.networks = [.. networks];
        this.hosts = hosts.ToFrozenSet();
    }

    /// <summary>Public addresses only.</summary>
    public static AddressPolicy PublicOnly { get; } = new([], []);

    /// <summary>Whether any network is allowed by the operator; a name may then lead into it, which only the look-up tells.</summary>
    internal bool AllowsNetworks => networks.Length > 0;

    /// <summary>Reads <c>Alerts:AllowedAddresses</c>.</summary>
    /// <param name="faults">Every entry that cannot be read, with the reason.</param>
    public static bool TryCreate(IEnumerable<string> allowed, out AddressPolicy policy, out IReadOnlyList<string> faults)
    {
        var allowedNetworks = new List<IPNetwork>();
        var allowedHosts = new List<(string, int)>();
        var wrong = new List<string>();
        foreach (var entry in allowed)
        {
            var text = entry.Trim();
            if (IPNetwork.TryParse(text, out var network)) allowedNetworks.Add(network);
            else if (IsAddress(text, out var address)) allowedNetworks.Add(new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128));
            else if (TryReadHost(text, out var host)) allowedHosts.Add(host);
            else wrong.Add($"Alerts:AllowedAddresses: '{entry}' is no network (10.1.0.0/16), address, host or host:port.");
        }

        policy = new AddressPolicy(allowedNetworks, allowedHosts);
        faults = wrong;
        return wrong.Count == 0;
    }

    /// <summary>Why the address is refused for this host and port; null when it may be connected to.</summary>
    /// <param name="host">The host of the URL, a name or an address.</param>
    /// <param name="usualPorts">Ports that need no permission for this protocol; null: those of HTTP.</param>
    public string? Refusal(string host, int port, IPAddress address, IReadOnlyList<int>? usualPorts = null)
    {
        if (IsListed(host, port, usualPorts)) return null;
        if (IsInAllowedNetwork(address)) return null;
        return NotPublic(address) is { } reason ? reason : (usualPorts ?? UsualPorts).Contains(port) ? null : $"port {port} is not allowed";
    }

    /// <summary>Whether the operator lists the host, with this port or (for the usual ports) without one.</summary>
    public bool IsListed(string host, int port, IReadOnlyList<int>? usualPorts = null)
    {
        var name = Normal(host);
        return hosts.Contains((name, port)) || ((usualPorts ?? UsualPorts).Contains(port) && hosts.Contains((name, 0)));
    }

    /// <summary>Whether the operator allows the network of the address.</summary>
    public bool IsInAllowedNetwork(IPAddress address)
    {
        var plain = WithoutMapping(address);
        return networks.Any(network => network.Contains(plain));
    }

    /// <summary>Why an address is not public; null for a public one. Addresses that carry another one are as good as the one they carry.</summary>
    public static string? NotPublic(IPAddress address)
    {
        address = WithoutMapping(address);
        foreach (var (network, reason) in Refused)
        {
            if (network.Contains(address)) return reason;
        }

        if (address.AddressFamily == AddressFamily.InterNetwork) return null;
        if (address.ScopeId != 0) return "bound to an interface";
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        if (Nat64.Contains(address)) return NotPublic(new IPAddress(bytes[12..]));
        if (SixToFour.Contains(address)) return NotPublic(new IPAddress(bytes[2..6]));
        if (Teredo.Contains(address))
        {
            // The client's address is stored inverted; the server's is plain.
            Span<byte> client = [(byte)(bytes[12] ^ 0xFF), (byte)(bytes[13] ^ 0xFF), (byte)(bytes[14] ^ 0xFF), (byte)(bytes[15] ^ 0xFF)];
            return NotPublic(new IPAddress(client)) ?? NotPublic(new IPAddress(bytes[4..8]));
        }

        // ISATAP: an IPv4 address behind 0000:5efe or 0200:5efe, in any prefix.
        if ((bytes[8] & 0xFD) == 0 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE && NotPublic(new IPAddress(bytes[12..])) is { } inner) return inner;
        return GlobalUnicast.Contains(address) ? null : "not a public network";
    }

    /// <summary>A host as it is compared: lower case, without the root dot and without brackets.</summary>
    internal static string Normal(string host) => host.Trim('[', ']').TrimEnd('.').ToLowerInvariant();

    private static IPAddress WithoutMapping(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        // ::a.b.c.d, the deprecated twin of the mapped form; :: and ::1 themselves are IPv6.
        return bytes[..12].ContainsAnyExcept((byte)0) || (bytes[12] == 0 && bytes[13] == 0 && bytes[14] == 0) ? address : new IPAddress(bytes[12..]);
    }

    // As it is usually written: "1" and "[::1]" parse as addresses too, and the operator probably meant something else.
    private static bool IsAddress(string text, out IPAddress address) => IPAddress.TryParse(text, out address!) && address.ToString() == text;

    private static bool TryReadHost(string text, out (string Host, int Port) entry)
    {
        entry = default;
        var colon = text.LastIndexOf(':');
        var port = 0;
        var host = text;
        if (colon >= 0)
        {
            if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535) return false;
            host = text[..colon];
        }

        var isV6 = host.StartsWith('[') && host.EndsWith(']') && IPAddress.TryParse(host[1..^1], out _);
        if (!isV6 && !WebhookUrl.IsPlainHost(host)) return false;
        entry = (isV6 ? IPAddress.Parse(host[1..^1]).ToString() : Normal(host), port);
        return true;
    }
}
