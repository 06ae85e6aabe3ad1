using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Metering.EndToEnd.Servers;

namespace Metering.EndToEnd.Line;

/// <summary>A real receiver on loopback that keeps what it is sent. It can be closed and opened again on the same port.</summary>
internal sealed class WebhookReceiver : IDisposable
{
    public sealed record Received(string? Id, string? Timestamp, string? Signature, string? ContentType, byte[] Body);

    private readonly int _port = Ports.Free();
    private HttpListener? _listener;

    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_port}");

    public ConcurrentQueue<Received> All { get; } = [];

    public void Open()
    {
        _listener = new HttpListener { Prefixes = { $"http://{Address}/" } };
        _listener.Start();
        _ = TakeAsync(_listener);
    }

    public void Close()
    {
        _listener?.Close();
        _listener = null;
    }

    public void Dispose() => Close();

    private async Task TakeAsync(HttpListener listener)
    {
        try
        {
            while (true)
            {
                var context = await listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                var headers = context.Request.Headers;
                All.Enqueue(new Received(headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], context.Request.ContentType, body.ToArray()));
                context.Response.StatusCode = 204;
                context.Response.Close();
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Closed.
        }
    }
}
