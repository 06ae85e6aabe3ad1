using System.Net;
using System.Net.Sockets;

namespace Metering.EndToEnd.Servers;

/// <summary>A line to a server that carries so many bytes of its answers and then none, without being cut: a network that hangs.</summary>
public sealed class StallingLine : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Uri _server;
    private readonly Task _accepting;
    private long _left;

    /// <param name="stopAfter">Bytes of all answers together.</param>
    public StallingLine(Uri server, long stopAfter)
    {
        (_server, _left) = (server, stopAfter);
        _listener.Start();
        Url = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
        _accepting = AcceptAsync();
    }

    public string Url { get; }

    public bool IsStopped => Interlocked.Read(ref _left) <= 0;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var open = new List<Task>();
        try
        {
            while (true) open.Add(CarryAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(open);
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        {
            try
            {
                await server.ConnectAsync(_server.Host, _server.Port, _stop.Token);
                await Task.WhenAll(client.GetStream().CopyToAsync(server.GetStream(), _stop.Token), AnswerAsync(server.GetStream(), client.GetStream()));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // One of the two is gone.
            }
        }
    }

    private async Task AnswerAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[4096];
        for (int read; (read = await from.ReadAsync(buffer, _stop.Token)) > 0;)
        {
            var carried = (int)Math.Clamp(Interlocked.Read(ref _left), 0, read);
            await to.WriteAsync(buffer.AsMemory(0, carried), _stop.Token);
            if (Interlocked.Add(ref _left, -read) <= 0) await Task.Delay(Timeout.Infinite, _stop.Token);
        }
    }
}
