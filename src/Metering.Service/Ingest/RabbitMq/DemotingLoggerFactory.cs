using Microsoft.Extensions.Logging;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>Everything the bus logs becomes debug output: <see cref="BrokerIngest"/> says the same in one sentence, without a stack trace per attempt.</summary>
internal sealed class DemotingLoggerFactory(ILoggerFactory inner) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new DemotingLogger(inner.CreateLogger(categoryName));

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    public void Dispose()
    {
        // The inner factory belongs to the host.
    }

    private sealed class DemotingLogger(ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(LogLevel.Debug);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            inner.Log(LogLevel.Debug, eventId, state, exception, formatter);
    }
}
