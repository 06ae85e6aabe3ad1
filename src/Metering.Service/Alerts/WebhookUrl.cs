using System.Net;

namespace Metering.Service.Alerts;

/// <summary>The URL of a webhook, as far as it can be judged without a look-up; the sender judges the addresses when it connects.</summary>
public sealed record WebhookUrl
{
    private const int MaxLength = 2_048;

    private WebhookUrl(Uri uri) => Uri = uri;

    public Uri Uri { get; }

    /// <summary>Reads a URL that a tenant gave.</summary>
    /// <param name="faults">All that is wrong with it, in sentences for the tenant.</param>
    public static bool TryParse(string? text, AddressPolicy policy, out WebhookUrl url, out IReadOnlyList<string> faults)
    {
        url = null!;
        var wrong = new List<string>();
        faults = wrong;
        if (string.IsNullOrEmpty(text) || text.Length > MaxLength)
        {
            wrong.Add($"A webhook URL has 1 to {MaxLength} characters.");
            return false;
        }

        // Uri trims, unescapes and turns '\' into '/'; what needs that is not a URL that someone copied from a receiver's page.
        if (text.Any(c => c is <= ' ' or > '~' or '\\'))
        {
            wrong.Add("The URL holds spaces, control characters, backslashes or letters beyond ASCII; write host names in punycode and percent-encode the path.");
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri))
        {
            wrong.Add("This is not an absolute URL such as https://hooks.example.com/metering.");
            return false;
        }

        if (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)
        {
            wrong.Add($"The scheme is '{uri.Scheme}'; only https and http are sent to.");
            return false;
        }

        if (uri.UserInfo.Length > 0 || Authority(text).Contains('@')) wrong.Add("The URL holds a user name or password; deliveries are signed instead.");
        if (uri.Fragment.Length > 0) wrong.Add("The URL has a fragment (#), which is never sent.");
        JudgeHost(uri, text, policy, wrong);
        if (wrong.Count > 0) return false;
        url = new WebhookUrl(uri);
        return true;
    }

    public override string ToString() => Uri.AbsoluteUri;

    /// <summary>A host name of letters, digits, '-', '_' and '.', or a dotted IPv4 address; nothing percent-encoded.</summary>
    internal static bool IsPlainHost(string host) =>
        host.Length is > 0 and <= 254 && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') && !host.StartsWith('.') && !host.Contains("..", StringComparison.Ordinal);

    private static void JudgeHost(Uri uri, string text, AddressPolicy policy, List<string> wrong)
    {
        var written = WrittenHost(text);
        if (uri.HostNameType is UriHostNameType.IPv4 or UriHostNameType.IPv6)
        {
            var address = IPAddress.Parse(uri.Host);
            // 127.1, 2130706433 and 0x7f.1 are all loopback to one parser and names to another; one spelling means one thing to both.
            if (uri.HostNameType == UriHostNameType.IPv4 && written != uri.Host) wrong.Add($"'{written}' is an unusual spelling of the address {uri.Host}; write it that way.");
            if (policy.IsListed(uri.Host, uri.Port) || policy.IsInAllowedNetwork(address)) return;
            if (AddressPolicy.NotPublic(address) is { } reason) wrong.Add($"The address {uri.Host} is not public ({reason}); the operator can allow it in Alerts:AllowedAddresses.");
            JudgePort(uri, wrong);
            return;
        }

        // A last label of digits is a dotted address gone wrong (127.0.0.1. or 1.2.3.256), and what a resolver makes of it is its own affair.
        var last = AddressPolicy.Normal(written).Split('.')[^1];
        if (!IsPlainHost(written) || last.All(char.IsAsciiDigit) || last.StartsWith("0x", StringComparison.Ordinal))
        {
            wrong.Add($"'{written}' is not a host name.");
            return;
        }

        if (policy.IsListed(uri.Host, uri.Port)) return;
        // With an allowed network the name may lead into it, which the sender finds out; without one these can be refused at once.
        if (policy.AllowsNetworks) return;
        var name = AddressPolicy.Normal(uri.Host);
        if (name == "localhost" || name.EndsWith(".localhost", StringComparison.Ordinal))
        {
            wrong.Add($"'{uri.Host}' is this host (loopback); the operator can allow it in Alerts:AllowedAddresses.");
        }

        JudgePort(uri, wrong);
    }

    private static void JudgePort(Uri uri, List<string> wrong)
    {
        if (!AddressPolicy.UsualPorts.Contains(uri.Port))
        {
            wrong.Add($"Port {uri.Port} is not allowed; use {string.Join(", ", AddressPolicy.UsualPorts)}, or have the operator list {uri.Host}:{uri.Port} in Alerts:AllowedAddresses.");
        }
    }

    // As written, because Uri shows only what it made of it.
    private static string Authority(string text)
    {
        var start = text.IndexOf("//", StringComparison.Ordinal);
        if (start < 0) return "";
        var rest = text[(start + 2)..];
        var end = rest.IndexOfAny(['/', '?', '#', '\\']);
        return end < 0 ? rest : rest[..end];
    }

    private static string WrittenHost(string text)
    {
        var authority = Authority(text);
        var host = authority[(authority.LastIndexOf('@') + 1)..];
        if (host.StartsWith('[')) return host[..(host.IndexOf(']') + 1)];
        var colon = host.IndexOf(':');
        return colon < 0 ? host : host[..colon];
    }
}
