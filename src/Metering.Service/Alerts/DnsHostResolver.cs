using System.Net;

namespace Metering.Service.Alerts;

/// <summary>The resolver of the operating system.</summary>
public sealed class DnsHostResolver : IHostResolver
{
    public async Task<IReadOnlyList<IPAddress>> ResolveAsync(string host, CancellationToken cancel) => await Dns.GetHostAddressesAsync(host, cancel);
}
