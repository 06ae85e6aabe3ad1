using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>Wiring of ingest over RabbitMQ.</summary>
public static class RabbitMqIngestExtensions
{
    /// <summary>
    /// Consumes <c>metering.ledger</c> into the registered <see cref="IIngest"/> and registers <see cref="BrokerStatus"/>.
    /// Throws <see cref="Safety.UserErrorException"/> for an address that is none; a broker that is not there is only waited for.
    /// </summary>
    public static IServiceCollection AddRabbitMqIngest(this IServiceCollection services, BrokerOptions options)
    {
        var broker = BrokerAddress.Parse(options);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<BrokerStatus>();
        services.AddHostedService(provider =>
        {
            var clock = provider.GetRequiredService<TimeProvider>();
            var loggers = provider.GetRequiredService<ILoggerFactory>();
            return new BrokerIngest(
                options,
                broker,
                provider.GetRequiredService<IIngest>(),
                new ReplyChannel(broker, clock, loggers.CreateLogger<ReplyChannel>()),
                new LedgerPause(clock, loggers.CreateLogger<LedgerPause>()),
                provider.GetRequiredService<BrokerStatus>(),
                clock,
                loggers);
        });
        return services;
    }
}
