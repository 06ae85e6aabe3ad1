using System.Net;

namespace Metering.Service.Alerts;

/// <summary>Looks up the addresses of a host.</summary>
public interface IHostResolver
{
    /// <summary>All addresses of the name; empty when it has none.</summary>
    Task<IReadOnlyList<IPAddress>> ResolveAsync(string host, CancellationToken cancel);
}
