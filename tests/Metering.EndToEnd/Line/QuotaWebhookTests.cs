using System.Text.Json;
using Metering.Service.Alerts;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>From a batch to the receiver's door: one crossing, one delivery, whatever dies in between.</summary>
public sealed class QuotaWebhookTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_crossing_is_delivered_once_signed_though_the_service_dies_between_commit_and_send()
    {
        using var receiver = new WebhookReceiver();
        receiver.Open();
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__Alerts__AllowedAddresses"] = receiver.Address });
        await service.StartReadyAsync(Cancel);
        var hook = await service.SendAsync(HttpMethod.Put, "v1/webhooks/ops", new { url = $"http://{receiver.Address}/hook" }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/tenants/acme", new { name = "Acme", timeZone = "UTC", currency = "EUR" }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/ownership-rules", new { rules = new[] { new { match = new { path = "/e2e-quota*" }, tenant = "acme" } } }, Cancel);
        await service.SendAsync(HttpMethod.Put, "v1/quotas/cpu", new { subject = new { tenant = "acme" }, meter = "cpuSeconds", window = "month", limit = 100, thresholds = new[] { 50, 100 }, notify = new[] { "ops" } }, Cancel);
        var maker = new BatchMaker("e2e-quota", "/e2e-quota/x");
        var batches = new[] { maker.Next(40), maker.Next(20), maker.Next(60) };

        await batches[0].PostAsync(service.Client, Cancel);
        await batches[1].PostAsync(service.Client, Cancel);
        await ArrivedAsync(receiver, 1, service);
        await NotedAsync(1, service);

        // The receiver is away while the second threshold is crossed, and the service dies before it could have sent.
        receiver.Close();
        await batches[2].PostAsync(service.Client, Cancel);
        await service.KillAsync(Cancel);
        await service.StartReadyAsync(Cancel);
        foreach (var batch in batches) Assert.Equal(1, (await batch.PostAsync(service.Client, Cancel)).Answer.GetProperty("duplicates").GetInt32());
        receiver.Open();
        await ArrivedAsync(receiver, 2, service);

        await NotedAsync(2, service);
        await service.KillAsync(Cancel);
        await service.StartReadyAsync(Cancel);
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, Cancel);

        var received = receiver.All.ToArray();
        Assert.Equal(2, received.Length);
        Assert.True(WebhookSecret.TryParse(hook.GetProperty("secret").GetString(), out var secret, out _));
        var now = TimeProvider.System.GetUtcNow();
        Assert.All(received, message => Assert.True(WebhookSignature.Verify(secret, message.Id, message.Timestamp, message.Signature, message.Body, now)));
        Assert.All(received, message => Assert.StartsWith("application/cloudevents+json", message.ContentType));
        Assert.Equal(2, received.DistinctBy(message => message.Id).Count());
        Check(received[0], 50, 60);
        Check(received[1], 100, 120);

        Assert.Equal(2, (await service.GetAsync("v1/alerts", Cancel)).GetArrayLength());
        var deliveries = await service.GetAsync("v1/webhooks/ops/deliveries", Cancel);
        Assert.Equal(["delivered", "delivered"], deliveries.EnumerateArray().Select(delivery => delivery.GetProperty("state").GetString()));
        Assert.DoesNotContain("secret\":\"whsec_", (await service.GetAsync("v1/webhooks/ops", Cancel)).GetRawText());
        Assert.DoesNotContain("whsec_", service.Output);
        service.SaidNoStackTrace();
    }

    private static void Check(WebhookReceiver.Received message, decimal threshold, decimal value)
    {
        var body = JsonSerializer.Deserialize<JsonElement>(message.Body);
        Assert.Equal("1.0", body.GetProperty("specversion").GetString());
        Assert.Equal(message.Id, body.GetProperty("id").GetString());
        Assert.Equal("metering.quota.crossed", body.GetProperty("type").GetString());
        Assert.NotEmpty(body.GetProperty("source").GetString()!);
        Assert.InRange(body.GetProperty("time").GetDateTimeOffset(), TimeProvider.System.GetUtcNow().AddMinutes(-5), TimeProvider.System.GetUtcNow().AddMinutes(1));
        var data = body.GetProperty("data");
        Assert.Equal("cpu", data.GetProperty("quota").GetString());
        Assert.Equal("acme", data.GetProperty("subject").GetProperty("tenant").GetString());
        Assert.Equal("cpuSeconds", data.GetProperty("meter").GetString());
        Assert.Equal(threshold, data.GetProperty("threshold").GetDecimal());
        Assert.Equal(100, data.GetProperty("limit").GetDecimal());
        Assert.Equal(value, data.GetProperty("value").GetDecimal());
        Assert.NotEmpty(data.GetProperty("state").GetString()!);
        Assert.True(data.GetProperty("window").GetProperty("start").GetDateTimeOffset() < data.GetProperty("window").GetProperty("end").GetDateTimeOffset());
    }

    // Only what is noted is certain not to be sent again.
    private static Task NotedAsync(int count, ServiceProcess service) => service.Child.WaitUntilAsync(
        async token => (await service.GetAsync("v1/webhooks/ops/deliveries", token)).EnumerateArray().Count(delivery => delivery.GetProperty("state").GetString() == "delivered") == count,
        $"{count} deliveries were noted", TimeSpan.FromSeconds(30), Cancel);

    private static Task ArrivedAsync(WebhookReceiver receiver, int count, ServiceProcess service) =>
        service.Child.WaitUntilAsync(_ => Task.FromResult(receiver.All.Count >= count), $"{count} deliveries arrived", TimeSpan.FromSeconds(30), Cancel);
}
