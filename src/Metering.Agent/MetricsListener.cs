using System.Net;
using Metering.Exposition;
using Metering.Safety;
using Microsoft.Extensions.Logging;

namespace Metering.Agent;

/// <summary>
/// Serves <c>/metrics</c>, and <c>/healthz</c> for supervisors, of an agent process at <c>Agent:MetricsUrl</c>, without a key: give it an address that only the scraper reaches, such as 127.0.0.1.
/// One answer at a time; a scraper that does not read is dropped after a few seconds.
/// </summary>
internal sealed partial class MetricsListener : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly HttpListener _listener = new();
    private readonly MetricsCollector _metrics = new();
    private readonly TimeProvider _clock;
    private readonly ILogger _log;

    /// <summary>Listens. Throws <see cref="UserErrorException"/> when the address can not be had.</summary>
    public MetricsListener(Uri url, TimeProvider clock, ILogger log)
    {
        (_clock, _log) = (clock, log);

        // By its own name for "every address": with 0.0.0.0 it would answer only who asks for a host of that name.
        _listener.Prefixes.Add(url.Host is "0.0.0.0" or "[::]" ? $"http://*:{url.Port}/" : url.GetLeftPart(UriPartial.Authority) + "/");
        try
        {
            _listener.Start();
        }
        catch (Exception e) when (e is HttpListenerException or System.Net.Sockets.SocketException)
        {
            throw new UserErrorException($"Agent:MetricsUrl {url} can not be listened on ({e.Message}); stop what uses the port or give another one.", inner: e);
        }
    }

    /// <summary>Answers until it is disposed.</summary>
    public async Task RunAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                using var patience = new CancellationTokenSource(Patience, _clock);
                await AnswerAsync(context, patience.Token);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException or IOException or OperationCanceledException)
            {
                if (_listener.IsListening) LogDropped(_log, e.Message);
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context, CancellationToken cancel)
    {
        using var response = context.Response;
        if (context.Request.HttpMethod == "GET" && context.Request.Url?.AbsolutePath == "/healthz")
        {
            response.ContentType = "text/plain";
            await response.OutputStream.WriteAsync("ok\n"u8.ToArray(), cancel);
            return;
        }

        if (context.Request.HttpMethod != "GET" || context.Request.Url?.AbsolutePath != "/metrics")
        {
            response.StatusCode = 404;
            return;
        }

        var format = ExpositionFormats.Negotiate(context.Request.Headers["Accept"]);
        response.ContentType = format.ContentType();
        await _metrics.WriteAsync(format, response.OutputStream, cancel);
    }

    public void Dispose()
    {
        _listener.Close();
        _metrics.Dispose();
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A scrape was dropped: {Reason}")]
    private static partial void LogDropped(ILogger log, string reason);
}
