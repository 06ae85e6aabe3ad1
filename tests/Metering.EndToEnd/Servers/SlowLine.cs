using System.Net;
using System.Net.Sockets;

namespace Metering.EndToEnd.Servers;

/// <summary>A line to a server on this machine that carries so many bytes a second in each direction and buffers next to nothing: what is sent faster has to wait.</summary>
internal sealed class SlowLine : IAsyncDisposable
{
    private const int Steps = 8;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _port, _bytesPerSecond;
    private readonly Task _accepting;
    private int _connections;

    public SlowLine(int port, int bytesPerSecond)
    {
        (_port, _bytesPerSecond) = (port, bytesPerSecond);
        _listener.Server.ReceiveBufferSize = 4096;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Connections that there have been.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var carried = new List<Task>();
        try
        {
            while (true)
            {
                carried.Add(CarryAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
                Interlocked.Increment(ref _connections);
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(carried);
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient { SendBufferSize = 4096 })
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _port, _stop.Token);
                await await Task.WhenAny(CopyAsync(client.GetStream(), server.GetStream()), CopyAsync(server.GetStream(), client.GetStream()));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // One of the two is gone.
            }
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[_bytesPerSecond / Steps];
        for (int read; (read = await from.ReadAsync(buffer, _stop.Token)) > 0;)
        {
            await to.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
            await Task.Delay(TimeSpan.FromSeconds((double)read / _bytesPerSecond), TimeProvider.System, _stop.Token);
        }
    }
}
