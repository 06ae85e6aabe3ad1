using System.Net;
using System.Net.Sockets;

namespace Metering.Service.Alerts;

/// <summary>Makes every connection of every channel: looks a name up once, checks all of its addresses and connects to a checked one, so that no second look-up can lead elsewhere.</summary>
internal sealed class GuardedConnector(AddressPolicy policy, IHostResolver resolver)
{
    private const int MaxAddressesTried = 16;

    /// <summary>A connected socket, which the caller disposes. Throws <see cref="AddressRefusedException"/> before a byte is sent, or <see cref="SocketException"/>.</summary>
    /// <param name="usualPorts">Ports that need no permission.</param>
    public async Task<Socket> ConnectAsync(string host, int port, IReadOnlyList<int> usualPorts, CancellationToken cancel)
    {
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await resolver.ResolveAsync(host, cancel);
        if (addresses.Count == 0) throw new SocketException((int)SocketError.HostNotFound);
        foreach (var address in addresses)
        {
            // One bad address spoils the name: the next look-up could put it first.
            if (policy.Refusal(host, port, address, usualPorts) is { } reason) throw new AddressRefusedException($"{host} leads to an address that is refused: {reason}.", $"{address}:{port}");
        }

        // The checked addresses are the used ones: nothing looks the name up again.
        Exception? last = null;
        foreach (var address in addresses.Take(MaxAddressesTried))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(address, port, cancel);
                return socket;
            }
            catch (SocketException exception)
            {
                socket.Dispose();
                last = exception;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw last!;
    }
}
