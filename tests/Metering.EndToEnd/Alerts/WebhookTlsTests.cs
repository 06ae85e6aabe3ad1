using System.Text.Json;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Tests.Alerts;
using Xunit;

namespace Metering.EndToEnd.Alerts;

/// <summary>A service that trusts a company's authority delivers to receivers with its certificates, to none whose certificate is over or names another, and through no proxy that its environment names.</summary>
public sealed class WebhookTlsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_a_certificate_that_is_valid_now_and_names_the_receiver_is_delivered_to_and_never_by_a_proxy()
    {
        using var authority = new TestAuthority();
        using var unknown = new TestAuthority();
        using var directory = new TestDirectory();
        await File.WriteAllTextAsync(directory.File("authority.pem"), authority.Pem, Cancel);
        await using var proxy = RawReceiver.Answering("200 OK", "", "ok");
        await using var good = new TlsEndpoint(authority.Issue("localhost"));
        await using var expired = new TlsEndpoint(authority.Issue("localhost", isExpired: true));
        await using var other = new TlsEndpoint(authority.Issue("elsewhere.example"));
        await using var stranger = new TlsEndpoint(unknown.Issue("localhost"));
        await using var service = ServiceProcess.Service(new Dictionary<string, string?>
        {
            ["METERING__Alerts__AllowedAddresses"] = "127.0.0.0/8,::1",
            ["SSL_CERT_FILE"] = directory.File("authority.pem"),
            ["HTTPS_PROXY"] = proxy.Url,
            ["HTTP_PROXY"] = proxy.Url,
            ["ALL_PROXY"] = proxy.Url,
        });
        await service.StartReadyAsync(Cancel);

        (string Id, TlsEndpoint Receiver)[] receivers = [("good", good), ("expired", expired), ("other", other), ("stranger", stranger)];
        foreach (var (id, receiver) in receivers)
        {
            await service.SendAsync(HttpMethod.Put, "v1/webhooks/" + id, new { url = $"https://localhost:{receiver.Port}/hook" }, Cancel);
            await service.SendAsync(HttpMethod.Post, $"v1/webhooks/{id}/test", new { }, Cancel);
        }

        Assert.Equal("delivered", (await TriedAsync(service, "good")).GetProperty("state").GetString());
        foreach (var (id, receiver) in receivers[1..])
        {
            var delivery = await TriedAsync(service, id);
            Assert.Equal("pending", delivery.GetProperty("state").GetString());
            Assert.Contains("TLS failed: the receiver's certificate is not trusted or does not name this host", delivery.GetProperty("lastError").GetString());
            Assert.Equal(0, receiver.Taken);
        }

        Assert.Equal((1, 0), (good.Taken, proxy.Accepted));
    }

    private static async Task<JsonElement> TriedAsync(ServiceProcess service, string id)
    {
        JsonElement delivery = default;
        await service.Child.WaitUntilAsync(
            async cancel => (delivery = (await service.GetAsync($"v1/webhooks/{id}/deliveries", cancel))[0]).GetProperty("attempts").GetInt32() > 0, $"an attempt to {id}", TimeSpan.FromSeconds(30), Cancel);
        return delivery;
    }
}
