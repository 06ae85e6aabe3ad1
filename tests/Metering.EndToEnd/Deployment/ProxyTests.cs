using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Service.Access;
using Metering.Tests.Access;
using Metering.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.EndToEnd.Deployment;

/// <summary>The service behind a real nginx with the file of <c>deploy/nginx</c>: HTTPS outside, and everybody is who he is.</summary>
public sealed class ProxyTests
{
    private const string Nginx = "/usr/sbin/nginx", Name = "metering.example.com";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Behind_nginx_sessions_are_for_https_pages_are_live_documents_keep_their_tags_and_nobody_passes_for_another()
    {
        ServerPackages.Require(Nginx, "nginx-light");
        await using var service = await RunningService.StartAsync(new Dictionary<string, string?> { ["Access:Proxies"] = "127.0.0.1", ["Access:FailedSignInsPerMinute"] = "1" });
        using var directory = new TestDirectory();
        var (plain, secure) = (Ports.Free(), Ports.Free());
        using var authority = new TestAuthority();
        await WriteAsync(directory, authority, service.Url, plain, secure);
        await using var nginx = ChildProcess.Start(Nginx, ["-p", directory.File("."), "-c", directory.File("nginx.conf"), "-g", "daemon off;"]);
        using var http = Client(authority, secure, IPAddress.Loopback);
        await UntilAsync(http, nginx);

        // Whoever comes without HTTPS is sent to it.
        using var outside = Client(authority, plain, IPAddress.Loopback, "http");
        using var moved = await outside.GetAsync(new Uri("/tenants?x=1", UriKind.Relative), Cancel);
        Assert.Equal((HttpStatusCode.MovedPermanently, $"https://{Name}/tenants?x=1"), (moved.StatusCode, moved.Headers.Location?.ToString()));

        // The session is kept to HTTPS, and its page is connected.
        using var signedIn = await http.GetAsync(new Uri("/sign-in?token=" + service.Services.GetRequiredService<KeyRing>().NewLink(), UriKind.Relative), Cancel);
        var cookie = Assert.Single(signedIn.Headers.GetValues("Set-Cookie"), one => one.StartsWith("metering=", StringComparison.Ordinal));
        Assert.Contains("; secure", cookie, StringComparison.OrdinalIgnoreCase);
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Cookie", cookie.Split(';')[0]);
        socket.Options.SetRequestHeader("Origin", $"https://{Name}:{secure}");
        await socket.ConnectAsync(new Uri($"wss://{Name}:{secure}/_blazor"), http.Invoker, Cancel);
        Assert.Equal(WebSocketState.Open, socket.State);

        // What was read is changed by its tag; a body of some megabytes is the service's to judge.
        using var made = await http.SendAsync(Keyed(HttpMethod.Put, "/v1/tenants/acme", "{}"), Cancel);
        using var read = await http.SendAsync(Keyed(HttpMethod.Get, "/v1/tenants/acme"), Cancel);
        Assert.False(read.Headers.ETag!.IsWeak);
        var change = Keyed(HttpMethod.Put, "/v1/tenants/acme", """{"name":"Acme"}""");
        change.Headers.IfMatch.Add(read.Headers.ETag);
        using var changed = await http.SendAsync(change, Cancel);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        using var large = await http.SendAsync(Keyed(HttpMethod.Post, "/v1/usage-batches", "{\"batches\":[\"" + new string('x', 6 << 20) + "\"]}"), Cancel);
        Assert.Equal((HttpStatusCode.BadRequest, "application/problem+json"), (large.StatusCode, large.Content.Headers.ContentType?.MediaType));

        // Who guesses keys is kept waiting, whatever he says of where he comes from; others who come by the same proxy are not.
        Assert.Equal(HttpStatusCode.Unauthorized, await GuessAsync(http, "203.0.113.1"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await GuessAsync(http, "203.0.113.2"));
        using var another = Client(authority, secure, IPAddress.Parse("127.0.0.2"));
        Assert.Equal(HttpStatusCode.Unauthorized, await GuessAsync(another, "203.0.113.1"));

        HttpRequestMessage Keyed(HttpMethod method, string path, string? body = null) => new(method, new Uri(path, UriKind.Relative))
        {
            Headers = { { "Authorization", "Bearer " + service.AdminKey }, { "Accept-Encoding", "gzip" } },
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
        };
    }

    // The file as it is shipped, at ports and with a certificate of the test.
    private static async Task WriteAsync(TestDirectory directory, TestAuthority authority, string service, int plain, int secure)
    {
        var (certificate, key) = authority.Issue(Name);
        await File.WriteAllTextAsync(directory.File("certificate.pem"), certificate, Cancel);
        await File.WriteAllTextAsync(directory.File("key.pem"), key, Cancel);
        var text = await File.ReadAllTextAsync(Path.Combine(RepositoryFiles.Root, "deploy/nginx/metering.conf"), Cancel);
        foreach (var (from, to) in new[]
        {
            ("listen 80;", $"listen 127.0.0.1:{plain};"), ("listen [::]:80;", ""), ("listen 443 ssl http2;", $"listen 127.0.0.1:{secure} ssl http2;"), ("listen [::]:443 ssl http2;", ""),
            ("127.0.0.1:5080", new Uri(service).Authority), ("/etc/ssl/metering/fullchain.pem", directory.File("certificate.pem")), ("/etc/ssl/metering/key.pem", directory.File("key.pem")),
        })
        {
            Assert.Contains(from, text, StringComparison.Ordinal);
            text = text.Replace(from, to, StringComparison.Ordinal);
        }

        await File.WriteAllTextAsync(directory.File("metering.conf"), text, Cancel);
        var paths = string.Join(' ', new[] { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }.Select(name => $"{name}_temp_path {directory.File(name)};"));
        await File.WriteAllTextAsync(directory.File("nginx.conf"), $"pid {directory.File("pid")}; error_log stderr; worker_processes 1; events {{ }} http {{ access_log off; {paths} include {directory.File("metering.conf")}; }}", Cancel);
    }

    private static async Task UntilAsync(HttpClient http, ChildProcess nginx)
    {
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri("/healthz", UriKind.Relative), Cancel);
                if (answer.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Not there yet.
            }

            Assert.False(nginx.HasExited, nginx.Output);
            await Task.Delay(50, Cancel);
        }
    }

    private static async Task<HttpStatusCode> GuessAsync(HttpClient http, string from)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("/v1/meters", UriKind.Relative)) { Headers = { { "Authorization", "Bearer guess" }, { "X-Forwarded-For", from } } };
        using var answer = await http.SendAsync(request, Cancel);
        return answer.StatusCode;
    }

    private static HandledClient Client(TestAuthority authority, int port, IPAddress from, string scheme = "https") => new(
        new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            SslOptions = { CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, CustomTrustStore = { X509Certificate2.CreateFromPem(authority.Pem) } } },
            ConnectCallback = async (context, cancel) =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(from, 0));
                await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        },
        new Uri($"{scheme}://{Name}:{port}"));

    private sealed class HandledClient : HttpClient
    {
        public HandledClient(SocketsHttpHandler handler, Uri address)
            : base(handler)
        {
            (Invoker, BaseAddress) = (new HttpMessageInvoker(handler, disposeHandler: false), address);
        }

        /// <summary>For sockets, by the same way.</summary>
        public HttpMessageInvoker Invoker { get; }

        protected override void Dispose(bool disposing)
        {
            if (disposing) Invoker.Dispose();
            base.Dispose(disposing);
        }
    }
}
