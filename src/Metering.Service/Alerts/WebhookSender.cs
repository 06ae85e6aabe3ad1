using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Alerts;

/// <summary>
/// Makes one attempt to deliver a message. The URL is a tenant's, so the connection is made only to addresses that the policy allows, no redirect is
/// followed, and time and bytes are bounded: a receiver can cost one slot for the timeout and 1 KiB, nothing more.
/// </summary>
public sealed partial class WebhookSender : IDisposable
{
    /// <summary>Bytes kept of an answer.</summary>
    public const int MaxAnswerBytes = 1_024;

    /// <summary>The longest wait that a receiver can ask for.</summary>
    public static readonly TimeSpan MaxRetryAfter = TimeSpan.FromHours(24);

    private const int MaxHeaderKilobytes = 16;
    private const int MaxConnectionsPerReceiver = 8;

    // A 2xx is a delivery whatever the body says, so its body is not worth the wait for the whole timeout.
    private static readonly TimeSpan MaxAnswerWait = TimeSpan.FromSeconds(2);

    // Short, so that a name which was checked is looked up and checked again soon.
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(1);

    private readonly GuardedConnector connector;
    private readonly TimeProvider clock;
    private readonly TimeSpan timeout;
    private readonly ILogger<WebhookSender> logger;
    private readonly HttpMessageInvoker client;

    /// <param name="timeout">For the whole attempt: look-up, connect, TLS, request and answer.</param>
    public WebhookSender(AddressPolicy policy, IHostResolver resolver, TimeProvider clock, TimeSpan timeout, ILogger<WebhookSender> logger)
    {
        connector = new GuardedConnector(policy, resolver);
        this.clock = clock;
        this.timeout = timeout;
        this.logger = logger;
        client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            // With a proxy the callback would see, and check, only the proxy.
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            Credentials = null,
            PreAuthenticate = false,
            ConnectCallback = ConnectAsync,
            // The handler goes on connecting for a request that has given up, unless told how long.
            ConnectTimeout = timeout,
            PooledConnectionLifetime = ConnectionLifetime,
            MaxConnectionsPerServer = MaxConnectionsPerReceiver,
            MaxResponseHeadersLength = MaxHeaderKilobytes,
            // What is left of an answer is dropped with its connection, not read.
            MaxResponseDrainSize = 0,
        });
    }

    internal TimeProvider Clock => clock;

    /// <summary>Tries once. Everything that a receiver, its name or the network can do ends in a result; only cancellation throws.</summary>
    public async Task<WebhookResult> SendAsync(WebhookMessage message, CancellationToken cancel)
    {
        var attempted = clock.GetUtcNow();
        var started = clock.GetTimestamp();
        using var deadline = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        try
        {
            using var request = Request(message, attempted);
            using var response = await client.SendAsync(request, either.Token);
            var answer = await ReadAnswerAsync(response, either.Token);
            return Judge(response, answer, attempted) with { Duration = clock.GetElapsedTime(started) };
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException or IOException or SocketException)
        {
            // A cancelled exchange may end in any of these, and is still no attempt that failed.
            cancel.ThrowIfCancellationRequested();
            return new WebhookResult
            {
                Outcome = WebhookOutcome.Failed,
                Reason = deadline.IsCancellationRequested ? string.Create(CultureInfo.InvariantCulture, $"No answer within {timeout.TotalSeconds} s.") : Explain(message, exception),
                Attempted = attempted,
                Duration = clock.GetElapsedTime(started),
            };
        }
    }

    public void Dispose() => client.Dispose();

    private static HttpRequestMessage Request(WebhookMessage message, DateTimeOffset attempted)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, message.Url.Uri) { Content = new ReadOnlyMemoryContent(message.Body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(message.ContentType);
        request.Headers.TryAddWithoutValidation("User-Agent", "Metering-Webhooks/1");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        request.Headers.TryAddWithoutValidation(WebhookSignature.IdHeader, message.Id);
        request.Headers.TryAddWithoutValidation(WebhookSignature.TimestampHeader, attempted.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        if (message.Authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", message.Authorization);
        if (message.Secrets.Count > 0)
        {
            request.Headers.TryAddWithoutValidation(WebhookSignature.SignatureHeader, WebhookSignature.Sign(message.Secrets, message.Id, attempted, message.Body.Span));
        }

        return request;
    }

    private static WebhookResult Judge(HttpResponseMessage response, string answer, DateTimeOffset now)
    {
        var status = (int)response.StatusCode;
        var after = response.Headers.NonValidated.TryGetValues("Retry-After", out var values) ? RetryAfter.Parse(values.ToString(), now, MaxRetryAfter) : null;
        var (outcome, reason) = status switch
        {
            >= 200 and < 300 => (WebhookOutcome.Delivered, $"Delivered with {status}."),
            >= 300 and < 400 => (WebhookOutcome.Failed, $"The receiver answered {status}; redirects are not followed, so give the final URL."),
            410 => (WebhookOutcome.Disable, "The receiver answered 410: it is gone for good."),
            429 or 502 or 503 or 504 => (WebhookOutcome.Retry, $"The receiver answered {status} and asks for time."),
            >= 500 when after is not null => (WebhookOutcome.Retry, $"The receiver answered {status} and asks for time."),
            _ => (WebhookOutcome.Failed, $"The receiver answered {status}."),
        };
        return new WebhookResult
        {
            Outcome = outcome,
            Reason = reason,
            Status = status,
            RetryAfter = outcome == WebhookOutcome.Retry ? after : null,
            Answer = answer,
            Attempted = now,
            Duration = default,
        };
    }

    // Whatever goes wrong with the body, the status has been given and decides.
    private async Task<string> ReadAnswerAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var buffer = new byte[MaxAnswerBytes];
        var length = 0;
        using var patience = new CancellationTokenSource(MaxAnswerWait, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            while (length < buffer.Length)
            {
                var read = await body.ReadAsync(buffer.AsMemory(length), either.Token);
                if (read == 0) break;
                length += read;
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            // Kept as far as it came.
        }

        var text = Encoding.UTF8.GetString(buffer, 0, length);
        return string.Create(text.Length, text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) && source[i] is not ('\n' or '\t') ? '\uFFFD' : source[i];
        });
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel) =>
        new NetworkStream(await connector.ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, AddressPolicy.UsualPorts, cancel), ownsSocket: true);

    private string Explain(WebhookMessage message, Exception exception)
    {
        for (Exception? inner = exception; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case AddressRefusedException refused:
                    LogRefused(message.Id, message.Url.Uri.Host, refused.Detail, refused.Message);
                    return refused.Message;
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain }: return $"The name {message.Url.Uri.Host} has no address.";
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }: return "The connection was refused.";
                case SocketException { SocketErrorCode: SocketError.ConnectionReset }: return "The receiver reset the connection.";
                case System.Security.Authentication.AuthenticationException: return "TLS failed: the receiver's certificate is not trusted or does not name this host.";
                default: break;
            }
        }

        return (exception as HttpRequestException)?.HttpRequestError switch
        {
            HttpRequestError.NameResolutionError => $"The name {message.Url.Uri.Host} has no address.",
            HttpRequestError.ConnectionError => "The receiver could not be reached.",
            HttpRequestError.SecureConnectionError => "TLS failed.",
            HttpRequestError.ResponseEnded => "The receiver closed the connection without an answer.",
            HttpRequestError.ConfigurationLimitExceeded => $"The answer has more than {MaxHeaderKilobytes} KiB of headers.",
            _ => "The answer is not HTTP.",
        };
    }

    [LoggerMessage(1, LogLevel.Warning, "Webhook message {Id} was not sent: {Host} leads to {Address}. {Reason}")]
    private partial void LogRefused(string id, string host, string address, string reason);
}
