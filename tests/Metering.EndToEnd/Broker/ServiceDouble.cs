using Metering.Service.Ingest;
using Metering.Service.Ingest.RabbitMq;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.EndToEnd.Broker;

/// <summary>A host with nothing but the broker's ingest and a <see cref="RecordingIngest"/> behind it.</summary>
internal sealed class ServiceDouble : IAsyncDisposable
{
    private readonly IHost _host;

    private ServiceDouble(BrokerOptions options)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.SetMinimumLevel(LogLevel.Information);
        if (Environment.GetEnvironmentVariable("METERING_TEST_LOG") is not null) builder.Logging.SetMinimumLevel(LogLevel.Debug).AddSimpleConsole(o => o.TimestampFormat = "HH:mm:ss.fff ");
        builder.Services.AddSingleton<IIngest>(Ingest);
        builder.Services.AddRabbitMqIngest(options);
        _host = builder.Build();
    }

    public RecordingIngest Ingest { get; } = new();

    public BrokerStatus Status => _host.Services.GetRequiredService<BrokerStatus>();

    public static async Task<ServiceDouble> StartAsync(string url, Action<BrokerOptions>? configure = null)
    {
        var options = new BrokerOptions { Url = url };
        configure?.Invoke(options);
        var service = new ServiceDouble(options);
        await service._host.StartAsync();
        return service;
    }

    public static async Task<ServiceDouble> AttachAsync(string url, Action<BrokerOptions>? configure = null)
    {
        var service = await StartAsync(url, configure);
        await service.AttachedAsync();
        return service;
    }

    public Task AttachedAsync() => Eventually.HoldsAsync(() => Status.IsConsumerAttached, () => $"a consumer is attached ({Status.Trouble})");

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}
