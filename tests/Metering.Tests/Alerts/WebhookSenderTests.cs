using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Metering.Service.Alerts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class WebhookSenderTests
{
    private static readonly DateTimeOffset Now = new(2026, 10, 9, 12, 0, 0, TimeSpan.Zero);

    // Long for what must succeed on a busy machine, short for what must time out.
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(600);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("200 OK", WebhookOutcome.Delivered)]
    [InlineData("202 Accepted", WebhookOutcome.Delivered)]
    [InlineData("204 No Content", WebhookOutcome.Delivered)]
    [InlineData("300 Multiple Choices", WebhookOutcome.Failed)]
    [InlineData("301 Moved Permanently", WebhookOutcome.Failed)]
    [InlineData("302 Found", WebhookOutcome.Failed)]
    [InlineData("304 Not Modified", WebhookOutcome.Failed)]
    [InlineData("307 Temporary Redirect", WebhookOutcome.Failed)]
    [InlineData("400 Bad Request", WebhookOutcome.Failed)]
    [InlineData("401 Unauthorized", WebhookOutcome.Failed)]
    [InlineData("404 Not Found", WebhookOutcome.Failed)]
    [InlineData("407 Proxy Authentication Required", WebhookOutcome.Failed)]
    [InlineData("410 Gone", WebhookOutcome.Disable)]
    [InlineData("429 Too Many Requests", WebhookOutcome.Retry)]
    [InlineData("500 Internal Server Error", WebhookOutcome.Failed)]
    [InlineData("502 Bad Gateway", WebhookOutcome.Retry)]
    [InlineData("503 Service Unavailable", WebhookOutcome.Retry)]
    [InlineData("504 Gateway Timeout", WebhookOutcome.Retry)]
    [InlineData("599 Odd", WebhookOutcome.Failed)]
    [InlineData("999 Odd", WebhookOutcome.Failed)]
    public async Task The_status_decides(string status, WebhookOutcome expected)
    {
        await using var receiver = RawReceiver.Answering(status, "WWW-Authenticate: Basic\r\nProxy-Authenticate: Basic\r\n");

        var result = await SendAsync(receiver.Url);

        Assert.Equal(expected, result.Outcome);
        Assert.Equal(int.Parse(status[..3]), result.Status);
        Assert.Null(result.RetryAfter);
        Assert.Equal(1, receiver.Accepted);
    }

    [Theory]
    [InlineData("429 Too Many Requests", "120", 120)]
    [InlineData("503 Service Unavailable", " 7 ", 7)]
    [InlineData("500 Internal Server Error", "30", 30)]
    [InlineData("429 Too Many Requests", "Fri, 09 Oct 2026 12:01:30 GMT", 90)]
    [InlineData("429 Too Many Requests", "Friday, 09-Oct-26 12:01:30 GMT", 90)]
    [InlineData("429 Too Many Requests", "Fri Oct 9 12:01:30 2026", 90)]
    [InlineData("429 Too Many Requests", "Fri, 09 Oct 2026 11:00:00 GMT", null)]
    [InlineData("429 Too Many Requests", "Fri, 31 Dec 9999 23:59:59 GMT", 86_400)]
    [InlineData("429 Too Many Requests", "86401", 86_400)]
    [InlineData("429 Too Many Requests", "999999999999999999999999999", 86_400)]
    [InlineData("429 Too Many Requests", "-5", null)]
    [InlineData("429 Too Many Requests", "0", null)]
    [InlineData("429 Too Many Requests", "1.5", null)]
    [InlineData("429 Too Many Requests", "soon", null)]
    [InlineData("429 Too Many Requests", "", null)]
    public async Task Retry_after_is_honoured_within_bounds(string status, string retryAfter, int? seconds)
    {
        await using var receiver = RawReceiver.Answering(status, $"Retry-After: {retryAfter}\r\n");

        var result = await SendAsync(receiver.Url);

        Assert.Equal(WebhookOutcome.Retry, result.Outcome);
        Assert.Equal(seconds, (int?)result.RetryAfter?.TotalSeconds);
    }

    [Theory]
    [InlineData("301 Moved Permanently")]
    [InlineData("302 Found")]
    [InlineData("307 Temporary Redirect")]
    [InlineData("308 Permanent Redirect")]
    public async Task A_redirect_is_not_followed(string status)
    {
        await using var secret = RawReceiver.Answering("200 OK");
        await using var receiver = RawReceiver.Answering(status, $"Location: {secret.Url}\r\nRefresh: 0; url={secret.Url}\r\n");

        var result = await SendAsync(receiver.Url);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Contains("redirects are not followed", result.Reason);
        Assert.Equal(0, secret.Accepted);
    }

    [Fact]
    public async Task The_receiver_gets_the_exact_body_and_can_check_the_signature()
    {
        var (old, next) = (WebhookSecret.Generate(), WebhookSecret.Generate());
        var seen = new TaskCompletionSource<(Dictionary<string, string> Headers, byte[] Body)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.MapPost("/hook", async context =>
        {
            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            var accepted = new[] { old, next }.All(secret => WebhookSignature.Verify(
                secret, context.Request.Headers["webhook-id"], context.Request.Headers["webhook-timestamp"], context.Request.Headers["webhook-signature"], body.ToArray(), Now));
            seen.SetResult((context.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString()), body.ToArray()));
            context.Response.StatusCode = accepted ? 200 : 401;
            await context.Response.WriteAsync("thank you");
        });
        await app.StartAsync(Cancel);
        var message = Message($"{app.Urls.First()}/hook", Loopback()) with { Secrets = [old, next] };
        using var sender = Sender(Loopback(), Patient);

        var result = await sender.SendAsync(message, Cancel);

        var (headers, received) = await seen.Task;
        Assert.Equal(WebhookOutcome.Delivered, result.Outcome);
        Assert.Equal("thank you", result.Answer);
        Assert.Equal(Now, result.Attempted);
        Assert.Equal(message.Body.ToArray(), received);
        Assert.Equal("application/cloudevents+json; charset=utf-8", headers["content-type"]);
        Assert.Equal("msg_1", headers["webhook-id"]);
        Assert.Equal(Now.ToUnixTimeSeconds().ToString(), headers["webhook-timestamp"]);
        Assert.DoesNotContain("traceparent", headers.Keys);
        Assert.DoesNotContain("cookie", headers.Keys);
    }

    [Fact]
    public async Task Cookies_of_an_answer_do_not_come_back()
    {
        await using var receiver = RawReceiver.Answering("200 OK", "Set-Cookie: a=b; Path=/\r\n");
        using var sender = Sender(Loopback(), Patient);

        await sender.SendAsync(Message(receiver.Url, Loopback()), Cancel);
        await sender.SendAsync(Message(receiver.Url, Loopback()), Cancel);

        Assert.Equal(2, receiver.Requests.Count);
        Assert.All(receiver.Requests, request => Assert.DoesNotContain("cookie", request, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_receiver_that_never_answers_costs_the_timeout()
    {
        await using var receiver = new RawReceiver((_, cancel) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel));

        var result = await SendAsync(receiver.Url, Short);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Equal("No answer within 0.6 s.", result.Reason);
        Assert.InRange(result.Duration, Short * 0.9, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Headers_that_drip_cost_the_timeout()
    {
        await using var receiver = new RawReceiver((socket, cancel) => DripAsync(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", cancel));

        var result = await SendAsync(receiver.Url, Short);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Contains("No answer", result.Reason);
    }

    [Fact]
    public async Task A_body_that_drips_does_not_undo_the_delivery()
    {
        await using var receiver = new RawReceiver(async (socket, cancel) =>
        {
            await RawReceiver.SendAsync(socket, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", cancel);
            await DripAsync(socket, new string('x', 500), cancel);
        });

        var result = await SendAsync(receiver.Url, Short);

        Assert.Equal(WebhookOutcome.Delivered, result.Outcome);
        Assert.InRange(result.Answer.Length, 0, 10);
    }

    [Fact]
    public async Task A_huge_body_is_cut_at_a_kilobyte_and_not_read_on()
    {
        var sent = 0L;
        await using var receiver = new RawReceiver(async (socket, cancel) =>
        {
            await RawReceiver.SendAsync(socket, "HTTP/1.1 500 Oops\r\nContent-Length: 1073741824\r\n\r\n", cancel);
            var chunk = Encoding.Latin1.GetBytes(new string('\u001B', 64 * 1024));
            while (sent < 1L << 30)
            {
                await socket.SendAsync(chunk, cancel);
                sent += chunk.Length;
            }
        });

        var result = await SendAsync(receiver.Url);

        Assert.Equal(500, result.Status);
        Assert.Equal(new string('\uFFFD', WebhookSender.MaxAnswerBytes), result.Answer);
        // What the kernel buffers, far from the gigabyte.
        Assert.InRange(Interlocked.Read(ref sent), 0, 64 << 20);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", WebhookOutcome.Delivered, "200")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\nfine", WebhookOutcome.Delivered, "200")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", WebhookOutcome.Delivered, "200")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", WebhookOutcome.Delivered, "200")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", WebhookOutcome.Failed, "not HTTP")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n", WebhookOutcome.Failed, "not HTTP")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le", WebhookOutcome.Failed, "without an answer")]
    [InlineData("", WebhookOutcome.Failed, "without an answer")]
    public async Task Odd_answers_end_in_a_result(string answer, WebhookOutcome expected, string reason)
    {
        await using var receiver = new RawReceiver((socket, cancel) => RawReceiver.SendAsync(socket, answer, cancel));

        var result = await SendAsync(receiver.Url);

        Assert.Equal(expected, result.Outcome);
        Assert.Contains(reason, result.Reason);
    }

    [Fact]
    public async Task Endless_headers_end_in_a_result()
    {
        await using var receiver = new RawReceiver(async (socket, cancel) =>
        {
            await RawReceiver.SendAsync(socket, "HTTP/1.1 200 OK\r\n", cancel);
            while (true) await RawReceiver.SendAsync(socket, $"X-Filler: {new string('x', 1000)}\r\n", cancel);
        });

        var result = await SendAsync(receiver.Url);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Contains("headers", result.Reason);
    }

    [Fact]
    public async Task A_reset_ends_in_a_result()
    {
        await using var receiver = new RawReceiver((socket, _) =>
        {
            socket.LingerState = new LingerOption(true, 0);
            socket.Close();
            return Task.CompletedTask;
        });

        var result = await SendAsync(receiver.Url);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Equal("The receiver reset the connection.", result.Reason);
    }

    [Fact]
    public async Task Tls_to_a_plain_port_and_a_closed_port_end_in_a_result()
    {
        await using var receiver = new RawReceiver((socket, cancel) => RawReceiver.SendAsync(socket, "HTTP/1.1 400 Bad Request\r\n\r\n", cancel));
        var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var port = ((IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();

        var tls = await SendAsync(receiver.Url.Replace("http:", "https:"));
        var refused = await SendAsync($"http://127.0.0.1:{port}/");

        Assert.Equal(WebhookOutcome.Failed, tls.Outcome);
        Assert.Contains("TLS", tls.Reason);
        Assert.Equal(WebhookOutcome.Failed, refused.Outcome);
        Assert.Equal("The connection was refused.", refused.Reason);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_refused()
    {
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(Now.AddYears(-1), Now.AddYears(9));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        await using var app = builder.Build();
        var reached = false;
        app.MapPost("/hook", () => reached = true);
        await app.StartAsync(Cancel);

        var result = await SendAsync($"{app.Urls.First()}/hook");

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Contains("certificate is not trusted", result.Reason);
        Assert.False(reached);
    }

    [Fact]
    public async Task A_name_without_an_address_ends_in_a_result()
    {
        var result = await SendAsync("https://hooks.example.com/", Patient, new FakeResolver([[]]), AddressPolicy.PublicOnly);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.Equal("The name hooks.example.com has no address.", result.Reason);
    }

    [Fact]
    public async Task Slow_receivers_do_not_hold_up_another()
    {
        await using var slow = new RawReceiver((_, cancel) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel));
        await using var good = RawReceiver.Answering("200 OK");
        using var sender = Sender(Loopback(), Patient);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var waiting = Enumerable.Range(0, 50).Select(_ => sender.SendAsync(Message(slow.Url, Loopback()), enough.Token)).ToArray();

        var result = await sender.SendAsync(Message(good.Url, Loopback()), Cancel);

        Assert.Equal(WebhookOutcome.Delivered, result.Outcome);
        Assert.DoesNotContain(waiting, task => task.IsCompleted);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(waiting));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("10.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("8.8.8.8", "127.0.0.1")]
    [InlineData("2606:4700:4700::1111", "fe80::1")]
    public async Task A_name_that_leads_to_an_inner_address_is_refused_without_saying_which(params string[] addresses)
    {
        var result = await SendAsync("https://hooks.example.com/", Patient, new FakeResolver([addresses]), AddressPolicy.PublicOnly);

        Assert.Equal(WebhookOutcome.Failed, result.Outcome);
        Assert.StartsWith("hooks.example.com leads to an address that is refused", result.Reason);
        Assert.All(addresses, address => Assert.DoesNotContain(address, result.Reason));
    }

    [Fact]
    public async Task A_bad_address_behind_many_good_ones_is_found()
    {
        string[] many = [.. Enumerable.Range(1, 100).Select(i => $"8.8.8.{i}"), "127.0.0.1"];

        var result = await SendAsync("https://hooks.example.com/", Patient, new FakeResolver([many]), AddressPolicy.PublicOnly);

        Assert.Contains("refused", result.Reason);
    }

    [Fact]
    public async Task A_name_that_changes_to_an_inner_address_is_refused_and_gets_no_connection()
    {
        // 127.0.0.2 plays the public address, 127.0.0.1 the inner one on the same port.
        await using var good = RawReceiver.Answering("200 OK", address: "127.0.0.2");
        await using var inner = RawReceiver.Answering("200 OK", port: good.Port);
        Assert.True(AddressPolicy.TryCreate(["127.0.0.2"], out var policy, out _));
        var resolver = new FakeResolver(["127.0.0.2"], ["127.0.0.1"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]);
        using var sender = new WebhookSender(policy, resolver, new FixedClock(Now), Patient, NullLogger<WebhookSender>.Instance);
        var message = Message($"http://rebinding.example:{good.Port}/hook", policy);

        var outcomes = new List<WebhookOutcome>();
        for (var i = 0; i < 4; i++) outcomes.Add((await sender.SendAsync(message, Cancel)).Outcome);

        Assert.Equal([WebhookOutcome.Delivered, WebhookOutcome.Failed, WebhookOutcome.Failed, WebhookOutcome.Failed], outcomes);
        // One look-up for each connection: what is checked is what is used.
        Assert.Equal(4, resolver.Asked);
        Assert.Equal(1, good.Accepted);
        Assert.Equal(0, inner.Accepted);
        Assert.Contains($"Host: rebinding.example:{good.Port}", good.Requests[0]);
    }

    [Fact]
    public async Task The_next_address_is_tried_when_the_first_does_not_answer()
    {
        await using var receiver = RawReceiver.Answering("200 OK");

        var result = await SendAsync($"http://two.example:{receiver.Port}/", Patient, new FakeResolver(["127.0.0.3", "127.0.0.1"]), Loopback());

        Assert.Equal(WebhookOutcome.Delivered, result.Outcome);
    }

    [Fact]
    public async Task Cancellation_is_not_a_failed_attempt()
    {
        await using var receiver = new RawReceiver((_, cancel) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        using var sender = Sender(Loopback(), Patient);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sender.SendAsync(Message(receiver.Url, Loopback()), stop.Token));
    }

    private static async Task DripAsync(Socket socket, string text, CancellationToken cancel)
    {
        foreach (var c in text)
        {
            await RawReceiver.SendAsync(socket, c.ToString(), cancel);
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancel);
        }
    }

    private static AddressPolicy Loopback() => AddressPolicy.TryCreate(["127.0.0.0/8"], out var policy, out _) ? policy : throw new InvalidOperationException();

    private static WebhookSender Sender(AddressPolicy policy, TimeSpan timeout) => new(policy, new FakeResolver([[]]), new FixedClock(Now), timeout, NullLogger<WebhookSender>.Instance);

    private static WebhookMessage Message(string text, AddressPolicy policy) => new()
    {
        Url = WebhookUrl.TryParse(text, policy, out var url, out var faults) ? url : throw new FormatException(string.Join(" ", faults)),
        Id = "msg_1",
        Body = Encoding.UTF8.GetBytes("{\"größe\":1}"),
        Secrets = [WebhookSecret.Generate()],
    };

    private static Task<WebhookResult> SendAsync(string url, TimeSpan? timeout = null) => SendAsync(url, timeout ?? Patient, new FakeResolver([[]]), Loopback());

    private static async Task<WebhookResult> SendAsync(string url, TimeSpan timeout, IHostResolver resolver, AddressPolicy policy)
    {
        using var sender = new WebhookSender(policy, resolver, new FixedClock(Now), timeout, NullLogger<WebhookSender>.Instance);
        return await sender.SendAsync(Message(url, policy), Cancel);
    }
}
