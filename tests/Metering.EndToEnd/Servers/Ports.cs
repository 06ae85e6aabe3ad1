using System.Net;
using System.Net.Sockets;

namespace Metering.EndToEnd.Servers;

/// <summary>Loopback ports for the servers that tests start.</summary>
public static class Ports
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Given = [];

    /// <summary>A port that nothing listens on now, and that this process was not given before.</summary>
    public static int Free()
    {
        lock (Gate)
        {
            while (true)
            {
                using var probe = new TcpListener(IPAddress.Loopback, 0);
                probe.Start();
                var port = ((IPEndPoint)probe.LocalEndpoint).Port;
                if (Given.Add(port)) return port;
            }
        }
    }
}
